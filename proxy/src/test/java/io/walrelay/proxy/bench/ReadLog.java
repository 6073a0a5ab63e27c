package io.walrelay.proxy.bench;

import io.walrelay.cache.index.Changes;
import io.walrelay.cache.index.ChangesFormat;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import io.walrelay.wal.format.WalSource;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reading the log record by record, beside {@code pg_waldump --stats}: files in the page cache, every checksum looked at, a core for each. Rates are of
 * the processor's time, of pg_waldump's whole process and of our one thread, once warm: what else the machine does costs neither of them much.
 */
final class ReadLog implements Scenario {

    private static final SegmentSize SIZE = Segments.SIZE;
    private static final TimelineHistory LINEAGE = TimelineHistory.root(TimelineId.of(1));
    private static final int ROWS = 1_000_000;
    private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

    /** Whole segments in a server's pg_wal. */
    private record Log(String what, Path directory, WalIdentity identity, Lsn from, Lsn to) {

        String name(Lsn at) {
            return new WalFileName.Segment(SegmentId.at(LINEAGE.timeline(), at, SIZE)).fileName(SIZE);
        }

        double gigabytes() {
            return to.minus(from) / 1e9;
        }
    }

    /** @param indexBytes 0 where none was made */
    private record Pass(long records, double seconds, long indexBytes) {}

    @Override
    public String name() {
        return "read-log";
    }

    @Override
    public String run(Lab lab) throws Exception {
        StringBuilder text = new StringBuilder("""
                ## Reading the log (`read-log`)

                Beside `pg_waldump --stats`. To reach: 1.5 times its rate without the change index, its rate with it.

                """);
        try (LocalPostgres server = lab.cluster("read-log", 5).set("synchronous_commit", "off").start()) {
            for (Log log : write(server, lab.quick() ? 20_000 : 400_000)) {
                Lab.say(log.what);
                text.append(measure(log, lab.quick() ? 3 : 15)).append('\n');
            }
        }
        return text.toString();
    }

    private static List<Log> write(LocalPostgres server, int transactions) {
        server.execute(
                "CREATE TABLE accounts (aid int PRIMARY KEY, balance int, filler char(84))",
                "CREATE TABLE tellers (tid int PRIMARY KEY, balance int, filler char(84))",
                "CREATE TABLE branches (bid int PRIMARY KEY, balance int, filler char(88))",
                "CREATE TABLE history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))",
                "INSERT INTO accounts SELECT i, 0, '' FROM generate_series(1, %d) i".formatted(ROWS),
                "INSERT INTO tellers SELECT i, 0, '' FROM generate_series(1, 100) i",
                "INSERT INTO branches SELECT i, 0, '' FROM generate_series(1, 10) i",
                """
                CREATE PROCEDURE transactions(n int) LANGUAGE plpgsql AS $$
                DECLARE
                    a int; t int; b int;
                BEGIN
                    FOR i IN 1 .. n LOOP
                        a := 1 + floor(random() * %d); t := 1 + floor(random() * 100); b := 1 + floor(random() * 10);
                        UPDATE accounts SET balance = balance + i WHERE aid = a;
                        UPDATE tellers SET balance = balance + 1 WHERE tid = t;
                        UPDATE branches SET balance = balance + 1 WHERE bid = b;
                        INSERT INTO history VALUES (t, b, a, i, now(), '');
                        COMMIT;
                    END LOOP;
                END $$""".formatted(ROWS));
        server.set("full_page_writes", "off");
        server.restart();
        WalIdentity identity = new WalIdentity(SystemId.parse(server.query("SELECT system_identifier FROM pg_control_system()")), SIZE, LINEAGE);
        Path directory = server.dataDirectory().resolve("pg_wal");
        Lsn small = wholeSegment(server);
        server.execute("CALL transactions(%d)".formatted(transactions));
        Lsn smallEnd = wholeSegment(server);
        server.set("full_page_writes", "on");
        server.restart();
        Lsn full = wholeSegment(server);
        for (int i = 0; i < 3; i++) {
            server.execute("CHECKPOINT", "UPDATE accounts SET balance = 0 WHERE aid %% 50 = %d".formatted(i));
        }
        server.execute("CHECKPOINT", "CALL transactions(%d)".formatted(transactions / 10));
        Lsn fullEnd = wholeSegment(server);
        return List.of(
                new Log("Small records: pgbench's transactions without page images", directory, identity, small, smallEnd),
                new Log("Page images: the same after checkpoints, and updates of a row here and there", directory, identity, full, fullEnd));
    }

    /** Where the segment begins that is written from now on. */
    private static Lsn wholeSegment(LocalPostgres server) {
        server.execute("SELECT pg_switch_wal()", "CREATE TABLE IF NOT EXISTS mark (id int)", "INSERT INTO mark VALUES (1)");
        return SIZE.startOf(server.flushedLsn());
    }

    private static String measure(Log log, int rounds) throws Exception {
        List<Double> theirs = new ArrayList<>();
        List<Double> reading = new ArrayList<>();
        List<Double> indexing = new ArrayList<>();
        Pass last = new Pass(0, 0, 0);
        for (int round = 0; round < rounds; round++) {
            theirs.add(dump(log));
            reading.add(read(log).seconds);
            last = index(log);
            indexing.add(last.seconds);
        }
        // Not the compiler's work, which is done once.
        List<Double> warm = reading.subList(rounds / 3, rounds);
        List<Double> warmIndexing = indexing.subList(rounds / 3, rounds);
        double base = Statistics.median(theirs);
        Table table = new Table("", "million records/s", "GB/s", "beside pg_waldump");
        row(table, "pg_waldump --stats", last.records, log, base, base);
        row(table, "read, every checksum", last.records, log, Statistics.median(warm), base);
        row(table, "with the change index", last.records, log, Statistics.median(warmIndexing), base);
        return """
                %s, %.2f GB, %,d records. The index takes %.2f MB for each GB.

                %s""".formatted(log.what, log.gigabytes(), last.records, last.indexBytes / 1e6 / log.gigabytes(), table);
    }

    private static void row(Table table, String what, long records, Log log, double seconds, double base) {
        table.row(what, "%.2f".formatted(records / 1e6 / seconds), "%.2f".formatted(log.gigabytes() / seconds), "%.2f".formatted(base / seconds));
    }

    private static double dump(Log log) {
        long before = Libc.childrenMicros();
        var _ = Lab.millis(List.of(
                Lab.PROGRAMS.home().resolve("bin/pg_waldump").toString(), "--stats", "--path=" + log.directory, log.name(log.from), log.name(log.to.plus(-1))));
        return (Libc.childrenMicros() - before) / 1e6;
    }

    /** As who checks it does; those who read it and those who index it are two in a relay, and so two methods here, which are compiled each for itself. */
    private static Pass read(Log log) throws IOException {
        try (OpenSegment segments = new OpenSegment(log)) {
            long begin = CLOCK.getCurrentThreadCpuTime();
            WalReader reader = WalReader.open(segments, log.identity, log.from);
            long records = 0;
            while (reader.next()) {
                records++;
            }
            return pass(log, reader, begin, records, 0);
        }
    }

    private static Pass index(Log log) throws IOException, MalformedRecordException {
        try (OpenSegment segments = new OpenSegment(log)) {
            long begin = CLOCK.getCurrentThreadCpuTime();
            WalReader reader = WalReader.open(segments, log.identity, log.from);
            WalRecord record = new WalRecord();
            Changes changes = new Changes();
            Lsn segmentEnd = SIZE.endOf(log.from);
            long records = 0;
            long bytes = 0;
            while (reader.next()) {
                records++;
                if (reader.recordStart().isAtLeast(segmentEnd)) {
                    bytes += encoded(segmentEnd, changes);
                    changes = new Changes(changes.blocks().size());
                    segmentEnd = SIZE.endOf(reader.recordStart());
                }
                reader.take(record);
                changes.add(record);
            }
            return pass(log, reader, begin, records, bytes + encoded(segmentEnd, changes));
        }
    }

    private static Pass pass(Log log, WalReader reader, long begin, long records, long bytes) {
        double seconds = (CLOCK.getCurrentThreadCpuTime() - begin) / 1e9;
        if (reader.lastRecordEnd().isBefore(log.to.plus(-8))) {
            throw new IllegalStateException("read up to %s only, %s; expected %s".formatted(reader.lastRecordEnd(), reader.end(), log.to));
        }
        return new Pass(records, seconds, bytes);
    }

    private static int encoded(Lsn segmentEnd, Changes changes) {
        return ChangesFormat.encode(new ChangesFormat.Key(LINEAGE.id(), segmentEnd.plus(-SIZE.bytes())), changes).length;
    }

    /** The files one after the other, of which one is open. */
    private static final class OpenSegment implements WalSource, AutoCloseable {
        private final Log log;
        private Lsn start = Lsn.INVALID;
        private FileChannel file;

        OpenSegment(Log log) throws IOException {
            this.log = log;
            this.file = open(log.from);
        }

        private FileChannel open(Lsn at) throws IOException {
            start = SIZE.startOf(at);
            return FileChannel.open(log.directory.resolve(log.name(at)));
        }

        @Override
        public int read(Lsn at, ByteBuffer into) throws IOException {
            if (at.isAtLeast(log.to)) {
                return 0;
            }
            if (!SIZE.startOf(at).equals(start)) {
                file.close();
                file = open(at);
            }
            int room = Math.min(into.remaining(), SIZE.bytes() - SIZE.offset(at));
            int n = file.read(into.slice(into.position(), room), SIZE.offset(at));
            into.position(into.position() + n);
            return n;
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
