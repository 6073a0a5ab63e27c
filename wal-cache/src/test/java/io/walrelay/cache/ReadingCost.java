package io.walrelay.cache;

import io.walrelay.cache.index.Changes;
import io.walrelay.cache.index.ChangesFormat;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
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
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
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
 * proof of the records alone, with what hot standby needs to know, with each record taken apart, with the change index of each segment. In time of the processor.
 */
final class ReadingCost {

    private static final int ROUNDS = 15;

    /** What others do on the machine costs it no time. */
    private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

    private ReadingCost() {}

    /** Sees each record. */
    private interface Look {
        void at(WalReader reader) throws MalformedRecordException;
    }

    /** As {@link SegmentIndexing}, and keeps nothing. */
    private static final class Indexing {
        private final WalIdentity identity;
        private final WalRecord record;
        private Changes changes = new Changes();
        private long segment = -1;
        private int segments;
        private long bytes;

        Indexing(WalIdentity identity, WalRecord record) {
            this.identity = identity;
            this.record = record;
        }

        void look(WalReader reader) throws MalformedRecordException {
            SegmentSize size = identity.segmentSize();
            long number = size.segmentNumber(reader.recordStart());
            if (number != segment) {
                if (segment >= 0) {
                    SegmentId id = new SegmentId(identity.history().timeline(), segment);
                    bytes += ChangesFormat.encode(new ChangesFormat.Key(identity.history().id(), id), changes, size).length;
                    segments++;
                }
                segment = number;
                changes = new Changes();
            }
            reader.take(record);
            changes.add(record);
        }
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
        looks.put("with the change index", () -> new Indexing(identity, record)::look);
        // The best of each: what else the machine does costs time, and never saves any.
        Map<String, Cost> best = new LinkedHashMap<>();
        for (int round = 0; round < ROUNDS; round++) {
            for (Map.Entry<String, Supplier<Look>> look : looks.entrySet()) {
                best.merge(look.getKey(), measure(WalReader.open(source, identity, first.address()), look.getValue().get()), Cost::orFaster);
            }
        }
        Indexing indexing = new Indexing(identity, record);
        WalReader reader = WalReader.open(source, identity, first.address());
        while (reader.next()) {
            indexing.look(reader);
        }
        System.out.printf(Locale.ROOT, "the index takes %.2f MB per GB of WAL%n", indexing.bytes * 1e3 / ((double) indexing.segments * whose.segmentSize()));
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
        long begin = CLOCK.getCurrentThreadCpuTime();
        while (reader.next()) {
            look.at(reader);
            start = records == 0 ? reader.recordStart() : start;
            records++;
        }
        return new Cost(records, reader.lastRecordEnd().minus(start) / 1e6, (CLOCK.getCurrentThreadCpuTime() - begin) / 1e9);
    }
}
