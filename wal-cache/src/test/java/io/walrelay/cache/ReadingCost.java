package io.walrelay.cache;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.PageHeader;
import io.walrelay.wal.format.WalCraft;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import io.walrelay.wal.format.WalSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * What the verifier's reading costs, to be run by hand on a directory of whole segments of timeline 1, such as a server's pg_wal:
 * proof of the records alone, with what hot standby needs to know, with each record taken apart.
 */
final class ReadingCost {

    private static final int ROUNDS = 15;

    private ReadingCost() {}

    /** Sees each record. */
    private interface Look {
        void at(WalReader reader) throws MalformedRecordException;
    }

    /** What a pass over the log took. */
    private record Cost(long records, double megabytes, double seconds) {

        Cost orFaster(Cost other) {
            return seconds <= other.seconds ? this : other;
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT, "%d records, %.0f MB: %.2f million records/s, %.0f MB/s", records, megabytes, records / seconds / 1e6, megabytes / seconds);
        }
    }

    static void main(String[] arguments) throws Exception {
        byte[] wal = read(Path.of(arguments[0]));
        PageHeader first = PageHeader.parse(wal, 0);
        PageHeader.Identification whose = first.identification().orElseThrow();
        TimelineHistory lineage = TimelineHistory.root(TimelineId.of(1));
        WalIdentity identity = new WalIdentity(new SystemId(whose.systemId()), new SegmentSize(whose.segmentSize()), lineage);
        WalSource source = WalCraft.source(first.address(), wal);
        WalRecord record = new WalRecord();
        Map<String, Supplier<Look>> looks = new LinkedHashMap<>();
        looks.put("proof alone", () -> _ -> {});
        looks.put("with what hot standby needs", () -> new HotStandbyWatch(new DurableFiles(new CrashableStorage()), lineage)::look);
        looks.put("with each record taken apart", () -> reader -> reader.take(record));
        // The best of each: what else the machine does costs time, and never saves any.
        Map<String, Cost> best = new LinkedHashMap<>();
        for (int round = 0; round < ROUNDS; round++) {
            for (Map.Entry<String, Supplier<Look>> look : looks.entrySet()) {
                best.merge(look.getKey(), measure(WalReader.open(source, identity, first.address()), look.getValue().get()), Cost::orFaster);
            }
        }
        best.forEach((what, cost) -> System.out.printf(Locale.ROOT, "%-30s %s%n", what, cost));
    }

    private static byte[] read(Path directory) throws IOException {
        List<Path> segments;
        try (Stream<Path> files = Files.list(directory)) {
            segments = files.filter(file -> String.valueOf(file.getFileName()).matches("00000001[0-9A-F]{16}")).sorted().toList();
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (Path segment : segments) {
            all.write(Files.readAllBytes(segment));
        }
        return all.toByteArray();
    }

    private static Cost measure(WalReader reader, Look look) throws IOException, MalformedRecordException {
        long records = 0;
        Lsn start = Lsn.INVALID;
        long begin = System.nanoTime();
        while (reader.next()) {
            look.at(reader);
            start = records == 0 ? reader.recordStart() : start;
            records++;
        }
        return new Cost(records, reader.lastRecordEnd().minus(start) / 1e6, (System.nanoTime() - begin) / 1e9);
    }
}
