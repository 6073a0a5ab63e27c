package io.walrelay.proxy.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.proxy.bench.DelayProbe.Arrival;
import io.walrelay.wal.Lsn;
import java.util.List;
import org.junit.jupiter.api.Test;

class MeasurementsTest {

    @Test
    void medianIsTheMiddleOneOrTheMeanOfTwo() {
        assertEquals(2, Statistics.median(List.of(9.0, 1.0, 2.0)));
        assertEquals(3, Statistics.median(List.of(9.0, 4.0, 1.0, 2.0)));
        assertThrows(IllegalArgumentException.class, () -> Statistics.median(List.of()));
    }

    @Test
    void percentileIsOneOfTheValues() {
        List<Double> values = List.of(4.0, 1.0, 3.0, 2.0);
        assertEquals(2, Statistics.percentile(values, 0.50));
        assertEquals(4, Statistics.percentile(values, 0.99));
        assertEquals(1, Statistics.percentile(values, 0));
    }

    @Test
    void cpuTimeIsReadBehindANameWithBlanksAndBrackets() {
        String stat = "7 (a) (b c)) S 1 7 7 0 -1 4194304 11 12 13 14 250 50 700 800 20 0 1 0 99 1000 10 18446744073709551615";
        assertEquals(3.0, ProcFiles.cpuSeconds(stat));
    }

    @Test
    void memoryIsReadInKilobytes() {
        assertEquals(1234, ProcFiles.kilobytes("Name:\tjava\nVmHWM:\t    2345 kB\nVmRSS:\t    1234 kB\n", "VmRSS:"));
        assertThrows(IllegalStateException.class, () -> ProcFiles.kilobytes("Name:\tkthreadd\n", "VmRSS:"));
    }

    @Test
    void flushesOfADiskAreTheSixteenthNumber() {
        assertEquals(8300, ProcFiles.flushes("   1  2  3  4  5  6  7  8  9  10  11  12  13  14  15  8300  1014\n"));
    }

    @Test
    void rateOfPgbenchIsTheOneWithoutConnecting() {
        String output = "latency average = 0.720 ms\ninitial connection time = 6.291 ms\ntps = 5554.123456 (without initial connection time)\n";
        assertEquals(5554.123456, Pgbench.transactionsPerSecond(output));
        assertThrows(IllegalStateException.class, () -> Pgbench.transactionsPerSecond("pgbench: error: connection failed"));
    }

    @Test
    void addedDelayOfAMessageEndsWhenAllOfItHasArrivedThroughTheServer() {
        List<Arrival> direct = List.of(at(100, 1_000_000), at(200, 2_000_000), at(300, 3_000_000), at(400, 4_000_000));
        List<Arrival> through = List.of(at(100, 900_000), at(250, 5_000_000), at(300, 6_000_000));
        assertEquals(List.of(-0.1, 3.0, 3.0), DelayProbe.addedMillis(direct, through));
    }

    private static Arrival at(long end, long nanos) {
        return new Arrival(new Lsn(end), nanos);
    }
}
