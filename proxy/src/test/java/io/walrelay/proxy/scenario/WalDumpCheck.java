package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.RecordBody.Cause;
import io.walrelay.wal.format.RecordHeader;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.ResourceManager;
import io.walrelay.wal.format.WalRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Compares records, as we read them, with what pg_waldump says of them. */
final class WalDumpCheck {

    /** Heap2 and Heap, of whose records pg_waldump says whenever they make their first page anew. */
    private static final Set<Integer> INITIALISING = Set.of(9, 10);

    private WalDumpCheck() {}

    /** That a record is what pg_waldump says it is: its header, its references, and what it says itself. */
    static void assertEqual(WalDump.Dumped dumped, WalRecord record, Optional<? extends RecordBody> body) {
        RecordHeader header = record.header();
        int images = IntStream.range(0, record.blockCount()).map(i -> record.block(i).image().map(image -> image.length()).orElse(0)).sum();
        List<String> blocks = IntStream.range(0, record.blockCount()).mapToObj(i -> WalDump.line(record.block(i))).toList();
        WalDump.Dumped ours = new WalDump.Dumped(
                ResourceManager.of(record.resourceManager()).orElseThrow().title(),
                header.totalLength() - images,
                header.totalLength(),
                Integer.toUnsignedLong(header.xid()),
                record.start(),
                header.prev(),
                dumped.kind(),
                dumped.description(),
                blocks);
        assertEquals(dumped, ours);
        boolean initialises = record.blockCount() > 0 && record.willInit(0);
        assertTrue(initialises || !dumped.kind().endsWith("+INIT"), dumped::toString);
        assertTrue(!initialises || dumped.kind().endsWith("+INIT") || !INITIALISING.contains(record.resourceManager()), dumped::toString);
        body.ifPresent(it -> assertSays(it, dumped));
        if (body.isEmpty()) {
            Matcher removal = REMOVAL.matcher(dumped.description());
            assertTrue(!removal.find() || Long.parseLong(removal.group(1)) < 3, () -> "removes unseen: " + dumped);
        }
    }

    private static final Pattern REMOVAL = Pattern.compile("(?:latestRemovedXid|snapshotConflictHorizon|cutoff xid|newestredirectxid):? (?:\\d+:)?(\\d+)");
    private static final Pattern CHECKPOINT = Pattern.compile("redo (?<redo>\\S+); (?<head>tli \\d+; prev tli \\d+; fpw \\w+;).*? xid (?<epoch>\\d+):(?<xid>\\d+); .*");
    private static final Pattern VERSION = Pattern.compile("/PG_\\d+_\\d+/");
    private static final Pattern DROPPED = Pattern.compile("; rels: ([^;]+)");
    private static final Pattern RUNNING = Pattern.compile("nextXid (\\d+) latestCompletedXid (\\d+) oldestRunningXid (\\d+)(?:; (\\d+) xacts:.*)?.*");
    private static final Pattern TIME = Pattern.compile(".*?:(\\d\\d)\\.(\\d+) .*");

    private static void assertSays(RecordBody body, WalDump.Dumped dumped) {
        String text = VERSION.matcher(dumped.description()).replaceAll("/");
        switch (body) {
            case RecordBody.ParameterChange(var p) -> assertEquals(
                    "max_connections=%d max_worker_processes=%d max_wal_senders=%d max_prepared_xacts=%d max_locks_per_xact=%d wal_level=%s wal_log_hints=%s track_commit_timestamp=%s".formatted(
                            p.maxConnections(), p.maxWorkerProcesses(), p.maxWalSenders(), p.maxPreparedTransactions(), p.maxLocksPerTransaction(), p.walLevel().setting(),
                            p.walLogHints() ? "on" : "off", p.trackCommitTimestamp() ? "on" : "off"),
                    text);
            case RecordBody.Checkpoint checkpoint -> {
                Matcher m = matched(CHECKPOINT, text);
                assertEquals(Lsn.parse(m.group("redo")), checkpoint.redo());
                assertEquals(Long.parseLong(m.group("epoch")) << 32 | Long.parseLong(m.group("xid")), checkpoint.nextXid().value());
                assertEquals(dumped.kind().equals("CHECKPOINT_SHUTDOWN"), checkpoint.shutdown());
                assertEquals("tli %s; prev tli %s; fpw %s;".formatted(checkpoint.timeline(), checkpoint.previous(), checkpoint.fullPageWrites()), m.group("head"));
                assertTrue(Math.abs(checkpoint.epochSecond() - System.currentTimeMillis() / 1_000) < 7_200, checkpoint::toString);
            }
            case RecordBody.RunningTransactions running -> {
                Matcher m = matched(RUNNING, text);
                assertEquals(Long.parseLong(m.group(1)), Integer.toUnsignedLong(running.nextXid()));
                assertEquals(Long.parseLong(m.group(2)), Integer.toUnsignedLong(running.latestCompletedXid()));
                assertEquals(Long.parseLong(m.group(3)), Integer.toUnsignedLong(running.oldestRunningXid()));
                assertEquals(m.group(4) == null ? 0 : Integer.parseInt(m.group(4)), running.transactions());
                assertEquals(text.contains("subxid ov"), running.overflowed(), text);
            }
            case RecordBody.Removal removal -> {
                Matcher m = REMOVAL.matcher(text);
                assertTrue(m.find(), () -> removal + " is not in " + dumped);
                assertEquals(removal.cause().title(), dumped.resourceManager() + "/" + dumped.kind());
                int before = text.contains("cutoff xid") && removal.cause() == Cause.HEAP_FREEZE ? 1 : 0;
                assertEquals(Long.parseLong(m.group(1)) - before, Integer.toUnsignedLong(removal.xid()), text);
            }
            case RecordBody.FullPageWritesChange(boolean on) -> assertEquals(Boolean.toString(on), text);
            case RecordBody.EndOfRecovery end -> assertTrue(text.startsWith("tli %s; prev tli %s; time ".formatted(end.timeline(), end.previous())), text);
            case RecordBody.OverwriteContrecord overwrite -> assertTrue(text.startsWith("lsn %s; time ".formatted(overwrite.overwritten())), text);
            case FileChange change -> assertSays(change, dumped);
            case RecordBody.TransactionEnd end -> {
                List<String> dropped = new ArrayList<>();
                Matcher relations = DROPPED.matcher(text);
                if (relations.find()) {
                    dropped.addAll(List.of(relations.group(1).strip().split(" ", -1)));
                }
                assertEquals(dropped, end.dropped().stream().map(relation -> path(relation, 0)).toList(), text);
                Matcher m = matched(TIME, text);
                assertEquals(Long.parseLong(m.group(1)) * 1_000_000 + Long.parseLong(m.group(2)), Math.floorMod(end.time(), 60_000_000L), text);
                assertEquals(dumped.kind().startsWith("COMMIT"), end.committed());
            }
        }
    }

    private static Matcher matched(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        assertTrue(matcher.matches(), text);
        return matcher;
    }

    private static void assertSays(FileChange change, WalDump.Dumped dumped) {
        String said = switch (change) {
            case FileChange.DatabaseCopied it -> "CREATE|CREATE_FILE_COPY copy dir %d/%d to %d/%d".formatted(it.fromTablespace(), it.fromDatabase(), it.tablespace(), it.database());
            case FileChange.DatabaseCreated it -> "CREATE_WAL_LOG create dir %d/%d".formatted(it.tablespace(), it.database());
            case FileChange.DatabaseDropped it ->
                    it.tablespaces().stream().map(tablespace -> " %d/%d".formatted(tablespace, it.database())).collect(Collectors.joining("", "DROP dir", ""));
            case FileChange.TablespaceCreated it -> "CREATE %d \"%s\"".formatted(it.tablespace(), it.location());
            case FileChange.TablespaceDropped it -> "DROP %d".formatted(it.tablespace());
            case FileChange.RelationCreated it -> "CREATE " + path(it.relation(), it.fork());
            case FileChange.RelationTruncated it -> "TRUNCATE %s to %d blocks flags %d".formatted(
                    path(it.relation(), 0), it.blocks(), (it.main() ? 1 : 0) + (it.visibilityMap() ? 2 : 0) + (it.freeSpaceMap() ? 4 : 0));
            case FileChange.RelationMapUpdated it -> "UPDATE database %d tablespace %d size".formatted(it.database(), it.tablespace());
            case FileChange.Unknown it -> throw new AssertionError(it + " is " + dumped);
        };
        String kinds = said.substring(0, said.indexOf(' '));
        assertTrue(List.of(kinds.split("\\|", -1)).contains(dumped.kind()), () -> said + " is " + dumped);
        assertTrue(VERSION.matcher(dumped.description()).replaceAll("/").startsWith(said.substring(kinds.length() + 1)), () -> said + " is " + dumped);
    }

    /** Relative to the data directory (relpath.c), but for the directory that a tablespace has for each version. */
    private static String path(RelationFile relation, int fork) {
        String name = relation.relation() + List.of("", "_fsm", "_vm", "_init").get(fork);
        return switch (relation.tablespace()) {
            case 1663 -> "base/%d/%s".formatted(relation.database(), name);
            case 1664 -> "global/" + name;
            default -> "pg_tblspc/%d/%d/%s".formatted(relation.tablespace(), relation.database(), name);
        };
    }
}
