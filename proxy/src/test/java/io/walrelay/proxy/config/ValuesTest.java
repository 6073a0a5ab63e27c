package io.walrelay.proxy.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ValuesTest {

    @ParameterizedTest
    @CsvSource({"1B,1,1B", "8kB,8192,8kB", "256MB,268435456,256MB", "50 GB,53687091200,50GB", "1TB,1099511627776,1TB", "1024MB,1073741824,1GB", "0MB,0,0B"})
    void readsASizeAndPrintsItInItsLargestUnit(String text, long bytes, String printed) {
        assertEquals(bytes, ByteSize.parse(text).bytes());
        assertEquals(printed, ByteSize.parse(text).toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "5", "GB", "5gb", "5 apples", "-1MB", "1.5GB", "99999999999999999999MB", "9000000000TB"})
    void refusesWhatIsNoSize(String text) {
        assertThrows(IllegalArgumentException.class, () -> ByteSize.parse(text));
    }

    @ParameterizedTest
    @CsvSource({"10ms,PT0.01S,10ms", "60s,PT1M,1min", "90s,PT90S,90s", "5min,PT5M,5min", "24h,PT24H,1d", "7d,PT168H,7d", "0s,PT0S,0s", "36h,PT36H,36h"})
    void readsATimeAndPrintsItInItsLargestUnit(String text, Duration time, String printed) {
        assertEquals(time, Durations.parse(text));
        assertEquals(printed, Durations.format(time));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "5", "s", "5 apples", "-1s", "5m", "99999999999999999999s", "106751991167300d", "36501d"})
    void refusesWhatIsNoTime(String text) {
        assertThrows(IllegalArgumentException.class, () -> Durations.parse(text));
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1:6433,127.0.0.1,6433,true",
        "localhost:0,localhost,0,true",
        "[::1]:6433,::1,6433,true",
        "[::]:6433,::,6433,false",
        "relay-1.example:65535,relay-1.example,65535,false",
        "127.example.org:80,127.example.org,80,false",
        "0.0.0.0:6433,0.0.0.0,6433,false"
    })
    void readsAnAddress(String text, String host, int port, boolean loopback) {
        HostPort address = HostPort.parse(text);

        assertEquals(new HostPort(host, port), address);
        assertEquals(text, address.toString());
        assertEquals(loopback, address.isLoopback());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "6433", ":6433", "relay", "relay:", "relay:65536", "relay:-1", "::1:6433", "[relay]:1", "a b:1", "h:999999"})
    void refusesWhatIsNoAddress(String text) {
        assertThrows(IllegalArgumentException.class, () -> HostPort.parse(text));
    }
}
