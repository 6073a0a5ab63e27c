package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.PostgresBinaries;
import io.walrelay.proxy.http.HotStandby;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.PageImage;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.RecordBody.Cause;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a relay reads in its log of what standbys need and of what it changes, on real servers, and each record compared with what pg_waldump says:
 *
 * <pre>
 *   primary ──▶ relay        records of all kinds; the newest removal and list of running transactions are in the status
 *   primary (restarted with more connections) ──▶ relay ──▶ standby     an event; the standby stops just there (14 and later)
 *   primary (restarted with wal_level minimal, and again) ──▶ relay     13: an event
 * </pre>
 */
@Timeout(120)
final class HotStandbyIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SIZE = new SegmentSize(1 << 20);

    private static final int COMPRESSES_IN_ALL_WAYS = 15;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {13, 15, 18})
    void theLogSaysWhatStandbysNeed(int major) throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(server(major))
                        .segmentSize(SIZE)
                        .set("wal_level", "logical")
                        .set("max_connections", "40")
                        .set("max_prepared_transactions", "5")
                        .set("wal_keep_size", "512MB")
                        .start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start()) {
            relay.awaitReady(LIMIT);
            StatusReport begun = RelayStatus.await("the primary's word", relay, LIMIT, s -> !hotStandby(s).parameters().isEmpty());
            HotStandby.Parameters told = hotStandby(begun).parameters().getFirst();
            assertEquals(40, told.minimums().get("max_connections"));
            assertEquals(5, told.minimums().get("max_prepared_transactions"));
            assertEquals("logical", told.walLevel());

            primary.execute("SELECT pg_switch_wal()");
            Lsn start = SIZE.startOf(primary.flushedLsn());
            LogOfAllKinds.write(primary);
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("standby")).name("standby").create()) {
                restartWith(primary, "max_connections", "60");
                StatusReport changed = RelayStatus.await("the change", relay, LIMIT, s -> hotStandby(s).parameters().size() == 2);
                Lsn at = Lsn.parse(hotStandby(changed).parameters().getLast().at().orElseThrow());
                assertEquals(60, hotStandby(changed).parameters().getLast().minimums().get("max_connections"));
                StatusReport.RecentEvent event = event(changed, "parameter-change");
                assertTrue(event.text().startsWith("at %s the primary's settings change: max_connections from 40 to 60. ".formatted(at)), event.text());
                assertEquals("warning", event.severity());

                primary.execute("CHECKPOINT", "SELECT txid_current()");
                Lsn end = primary.flushedLsn();
                StatusReport read = RelayStatus.await("all to be read", relay, LIMIT, s -> hotStandby(s).snapshot().filter(it -> Lsn.parse(it.at()).isAfter(at)).isPresent()
                        && Lsn.parse(s.wal().orElseThrow().written()).isAtLeast(end));
                Seen seen = compare(major, primary, relay, start, end);
                assertEquals(Optional.of(at), seen.change);
                if (major == COMPRESSES_IN_ALL_WAYS) {
                    assertEquals(EnumSet.allOf(PageImage.Compression.class), seen.compressions);
                }
                assertSaysWhatWasSeen(seen, hotStandby(read), primary);
                assertTrue(relay.metrics().contains("\nwalrelay_wal_parameter{name=\"max_connections\"} 60.0"), relay::metrics);
                if (major >= 14) {
                    assertStandbyStopsBefore(at, standby, relay);
                }
            }
            relay.kill();
            if (major == 13) {
                // With a slot it would not start.
                primary.execute("SELECT pg_drop_replication_slot('relay')");
                restartWith(primary, "max_wal_senders", "0", "wal_level", "minimal");
                restartWith(primary, "max_wal_senders", "10", "wal_level", "replica");
            }
            relay.start();
            relay.awaitReady(LIMIT);
            StatusReport again = RelayStatus.await("the log to be read again", relay, LIMIT, s -> hotStandby(s).snapshot().isPresent());
            assertEquals(List.of("40", "60"), hotStandby(again).parameters().stream().limit(2).map(p -> String.valueOf(p.minimums().get("max_connections"))).toList());
            if (major == 13) {
                StatusReport lowered = RelayStatus.await("the fall of wal_level", relay, LIMIT, s -> hotStandby(s).parameters().size() == 4);
                assertEquals(
                        List.of("logical", "logical", "minimal", "replica"),
                        hotStandby(lowered).parameters().stream().map(HotStandby.Parameters::walLevel).toList());
                StatusReport.RecentEvent event = event(lowered, "wal-level-lowered");
                assertEquals("error", event.severity());
                assertTrue(event.text().startsWith("at %s the primary's wal_level went from logical to minimal".formatted(hotStandby(lowered).parameters().get(2).at().orElseThrow())), event.text());
            } else {
                assertTrue(again.events().stream().noneMatch(e -> e.kind().equals("parameter-change")), "told twice: " + relay.log());
            }
        }
    }

    private static void restartWith(LocalPostgres primary, String... settings) {
        for (int i = 0; i < settings.length; i += 2) {
            primary.set(settings[i], settings[i + 1]);
        }
        primary.restart();
    }

    private static HotStandby hotStandby(StatusReport status) {
        return status.wal().map(StatusReport.Wal::hotStandby).orElseThrow(() -> new AssertionError("no WAL yet"));
    }

    private static StatusReport.RecentEvent event(StatusReport status, String kind) {
        return status.events().stream().filter(event -> event.kind().equals(kind)).reduce((_, last) -> last).orElseThrow(() -> new AssertionError("no event " + kind));
    }

    private static void assertStandbyStopsBefore(Lsn at, LocalPostgres standby, RelayProcess relay) {
        standby.start();
        StatusReport stopped = RelayStatus.await("the standby to stop", relay, LIMIT, s -> s.standbys().stream()
                .anyMatch(it -> it.replay().position().map(Lsn::parse).filter(replayed -> replayed.isAtMost(at) && at.minus(replayed) <= 40).isPresent()));
        assertTrue(Lsn.parse(stopped.standbys().getFirst().flush().position().orElseThrow()).isAfter(at), "it has got the rest");
        assertEquals("paused", standby.query("SELECT pg_get_wal_replay_pause_state()"));
        String why = WalrelayCommand.run(LIMIT, Map.of(), "why", stopped.standbys().getFirst().name(), "--url", relay.url()).output();
        assertTrue(why.contains("parameter: it stands before " + at) && why.contains("ALTER SYSTEM SET max_connections = 60;"), why);
        standby.set("max_connections", "60");
        standby.restart();
        RelayStatus.await("the standby to go on", relay, LIMIT, s -> s.standbys().stream()
                .anyMatch(it -> it.replay().position().map(Lsn::parse).filter(replayed -> replayed.isAfter(at)).isPresent()));
    }

    /** Debian's compresses images in all ways. */
    private static PostgresBinaries server(int major) {
        return major == COMPRESSES_IN_ALL_WAYS ? Programs.version(major).server() : Servers.version(major);
    }

    /** What a reader of the log comes to. */
    private static final class Seen {
        private final Set<Cause> causes = EnumSet.noneOf(Cause.class);
        private final Set<String> kinds = new HashSet<>();
        private Optional<Lsn> change = Optional.empty();
        private Lsn overflow = Lsn.INVALID;
        private Lsn snapshot = Lsn.INVALID;
        private int newestRemoved = 3;
        private final Set<String> changes = new HashSet<>();
        private int dropped;
        private int initialised;
        private int origins;
        private final Set<PageImage.Compression> compressions = EnumSet.noneOf(PageImage.Compression.class);
        private int compared;
        private int records;
    }

    private static final Set<String> CHANGES = Set.of(
            "DatabaseCopied", "DatabaseDropped", "TablespaceCreated", "TablespaceDropped", "RelationCreated", "RelationTruncated", "RelationMapUpdated");

    private static void assertSaysWhatWasSeen(Seen seen, HotStandby said, LocalPostgres primary) {
        assertEquals(Optional.of(seen.overflow.toString()), said.overflowed().map(HotStandby.Snapshot::at));
        assertTrue(Lsn.parse(said.snapshot().orElseThrow().at()).isAtLeast(seen.snapshot));
        HotStandby.Removal removal = said.removal().orElseThrow();
        assertTrue(removal.xid() >= Integer.toUnsignedLong(seen.newestRemoved), removal::toString);
        assertEquals(Optional.of(Long.toString(removal.xid())), removal.horizon());
        long next = Long.parseLong(said.nextXid().orElseThrow());
        long current = Long.parseLong(primary.query("SELECT txid_current()"));
        assertTrue(next > removal.xid() && next <= current, () -> "next %d, removed %d, current %d".formatted(next, removal.xid(), current));
        Set<Cause> expected = EnumSet.of(Cause.HEAP_VISIBLE, Cause.BTREE_DELETE, Cause.BTREE_REUSE_PAGE);
        assertTrue(seen.causes.containsAll(expected), seen.causes::toString);
        assertTrue(seen.origins > 0, "origins");
        assertTrue(seen.compressions.contains(PageImage.Compression.PGLZ), seen.compressions::toString);
        assertTrue(seen.compared > 0, "images to compare with");
        assertTrue(seen.initialised > 0, "pages made anew");
        assertTrue(seen.dropped > 0, "relations dropped");
        assertTrue(seen.changes.containsAll(CHANGES), () -> "changes of files: " + seen.changes);
        assertFalse(seen.changes.contains("Unknown"), "changes that nobody knows");
        assertTrue(seen.records > 5_000, () -> seen.records + " records");
    }

    /** Reads the relay's files record by record; pg_waldump reads the primary's, where there is one of that version. */
    private static Seen compare(int major, LocalPostgres primary, RelayProcess relay, Lsn start, Lsn end) throws Exception {
        TimelineId timeline = TimelineId.of(1);
        SystemId system = SystemId.parse(primary.query("SELECT system_identifier FROM pg_control_system()"));
        WalFiles files = new WalFiles(relay.data().resolve("wal"), SIZE);
        WalReader reader = WalReader.open(files.source(timeline), new WalIdentity(system, SIZE, TimelineHistory.root(timeline)), start);
        List<WalDump.Dumped> dumped = major == 13 ? List.of() : WalDump.of(Programs.version(major), primary.dataDirectory().resolve("pg_wal"), start, end);
        Seen seen = new Seen();
        WalRecord record = new WalRecord();
        while (reader.next() && reader.lastRecordEnd().isAtMost(end)) {
            reader.take(record);
            Optional<? extends RecordBody> body = RecordBodies.of(record);
            if (major != 13) {
                assertTrue(seen.records < dumped.size(), "pg_waldump has no more records at " + record.start());
                WalDumpCheck.assertEqual(dumped.get(seen.records), record, body);
            }
            note(seen, record, body);
        }
        assertTrue(major == 13 || seen.records == dumped.size(), () -> "%d records, pg_waldump has %d".formatted(seen.records, dumped.size()));
        if (major != 13) {
            RelayChanges changes = RelayChanges.assertSame(relay, dumped, start, end);
            assertTrue(changes.special().size() > 10, changes::toString);
            assertTrue(relay.get("/api/v1/stats").body().matches("(?s)\\{\"segments\":[1-9][0-9]*,\"not_indexed\":0,.*\"name\":\"Heap\".*"), () -> "an index of each segment that is whole");
        }
        return seen;
    }

    private static void note(Seen seen, WalRecord record, Optional<? extends RecordBody> body) {
        seen.records++;
        seen.kinds.add("%d/%02X".formatted(record.resourceManager(), record.info()));
        seen.origins += record.origin() != 0 ? 1 : 0;
        for (int i = 0; i < record.blockCount(); i++) {
            record.block(i).image().ifPresent(image -> {
                seen.compressions.add(image.compression());
                seen.compared += image.applied() ? 0 : 1;
            });
            seen.initialised += record.willInit(i) ? 1 : 0;
        }
        if (body.isEmpty()) {
            return;
        }
        switch (body.get()) {
            case RecordBody.ParameterChange _ -> seen.change = Optional.of(record.start());
            case RecordBody.RunningTransactions running -> {
                seen.snapshot = record.start();
                seen.overflow = running.overflowed() ? record.start() : seen.overflow;
            }
            case RecordBody.Removal removal -> {
                seen.causes.add(removal.cause());
                seen.newestRemoved = FullTransactionId.follows(removal.xid(), seen.newestRemoved) ? removal.xid() : seen.newestRemoved;
            }
            case FileChange change -> seen.changes.add(change.getClass().getSimpleName());
            case RecordBody.TransactionEnd end -> seen.dropped += end.dropped().size();
            case RecordBody.Checkpoint _, RecordBody.FullPageWritesChange _, RecordBody.EndOfRecovery _, RecordBody.OverwriteContrecord _ -> {}
        }
    }
}
