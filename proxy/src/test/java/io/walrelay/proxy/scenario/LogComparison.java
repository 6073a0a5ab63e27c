package io.walrelay.proxy.scenario;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.PageHeader;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Compares what we read in a server's pg_wal, of timeline 1, with what pg_waldump, on standard input, says of it; for {@code .ci/waldump-regress}.
 * Arguments: the directory, and where pg_waldump begins.
 */
final class LogComparison {

    private final WalReader reader;
    private final WalRecord record = new WalRecord();
    private final Map<String, Long> kinds = new TreeMap<>();
    private long records;

    private LogComparison(WalReader reader) {
        this.reader = reader;
    }

    static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[0]);
        Lsn start = Lsn.parse(arguments[1]);
        TimelineId timeline = TimelineId.of(1);
        LogComparison comparison = new LogComparison(WalReader.open(new WalFiles(directory, size(directory)).source(timeline), identity(directory, timeline), start));
        WalDump.read(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), comparison::compare);
        System.out.printf("%,d records of %d kinds are as pg_waldump says%n", comparison.records, comparison.kinds.size());
        comparison.kinds.forEach((kind, count) -> System.out.printf("%,12d %s%n", count, kind));
        if (comparison.records == 0) {
            throw new AssertionError("pg_waldump has no records");
        }
    }

    private void compare(WalDump.Dumped dumped) {
        try {
            if (!reader.next()) {
                throw new AssertionError("we have no record at %s: %s".formatted(dumped.at(), reader.end()));
            }
            reader.take(record);
            WalDumpCheck.assertEqual(dumped, record, RecordBodies.of(record));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (MalformedRecordException e) {
            throw new AssertionError("refused: " + dumped, e);
        }
        records++;
        kinds.merge(dumped.resourceManager() + "/" + dumped.kind(), 1L, Long::sum);
    }

    private static PageHeader.Identification identification(Path directory) throws IOException {
        try (var files = Files.list(directory)) {
            Path first = files.filter(file -> String.valueOf(file.getFileName()).matches("[0-9A-F]{24}")).sorted().findFirst().orElseThrow();
            return PageHeader.parse(Arrays.copyOf(Files.readAllBytes(first), PageHeader.PAGE_SIZE), 0).identification().orElseThrow();
        }
    }

    private static SegmentSize size(Path directory) throws IOException {
        return new SegmentSize(identification(directory).segmentSize());
    }

    private static WalIdentity identity(Path directory, TimelineId timeline) throws IOException {
        return new WalIdentity(new SystemId(identification(directory).systemId()), size(directory), TimelineHistory.root(timeline));
    }
}
