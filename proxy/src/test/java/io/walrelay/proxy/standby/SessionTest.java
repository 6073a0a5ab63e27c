package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.walrelay.protocol.handshake.AuthenticationDecision;
import io.walrelay.protocol.handshake.MockVerifiers;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.WalCraft;
import io.walrelay.wal.TimelineId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SessionTest {

    private static final SegmentSize ONE_MB = new SegmentSize(1 << 20);
    private static final Lsn START = Lsn.parse("0/1000000");

    @TempDir
    Path data;

    private final WalCraft wal = WalCraft.begin(ONE_MB, new SystemId(7), START, 1).randomRecords(40, 3_000);

    private RelayFixture relay() throws Exception {
        return RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
    }

    private static List<String> row(List<BackendMessage> answer) {
        return answer.stream()
                .filter(DataRow.class::isInstance)
                .map(m -> ((DataRow) m).values().stream().map(String::valueOf).toList())
                .findFirst()
                .orElseThrow(() -> new AssertionError("no row in " + answer));
    }

    private static String tag(List<BackendMessage> answer) {
        assertInstanceOf(ReadyForQuery.class, answer.getLast());
        return assertInstanceOf(CommandComplete.class, answer.get(answer.size() - 2)).tag();
    }

    @Test
    void tellsUpstreamsParametersAndItsOwn() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.connect(relay.address())) {
            client.startup(Map.of("user", "repl", "replication", "true", "application_name", "s1"));
            List<BackendMessage> opening = client.until(ReadyForQuery.class);
            assertInstanceOf(BackendMessage.AuthenticationOk.class, opening.getFirst());
            Map<String, String> parameters = opening.stream()
                    .filter(BackendMessage.ParameterStatus.class::isInstance)
                    .map(BackendMessage.ParameterStatus.class::cast)
                    .collect(Collectors.toMap(BackendMessage.ParameterStatus::name, BackendMessage.ParameterStatus::value));
            assertEquals(
                    Map.of("server_version", "15.18", "integer_datetimes", "on", "in_hot_standby", "on", "TimeZone", "Etc/UTC",
                            "application_name", "s1", "session_authorization", "repl", "is_superuser", "off"),
                    parameters);
            var key = assertInstanceOf(BackendMessage.BackendKeyData.class, opening.get(opening.size() - 2));
            assertTrue(key.processId() > 0);
            assertEquals(4, key.secretKey().value().length());
        }
    }

    /** And nobody else: what it streams from may be nobody else's business. */
    @Test
    void tellsAnotherRelayWhomItStreamsFrom() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.connect(relay.address())) {
            client.startup(Map.of("user", "repl", "replication", "true", "application_name", "r2", "walrelay.relay", "on"));
            List<BackendMessage> opening = client.until(ReadyForQuery.class);
            assertTrue(opening.contains(new BackendMessage.ParameterStatus("walrelay.upstreams", "pg1:5432")), opening::toString);
            client.ask("IDENTIFY_SYSTEM");
            assertTrue(relay.state().standbys().all().getFirst().relay());
        }
    }

    @Test
    void answersEachCommand() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "c")) {
            assertEquals(List.of("7", "1", wal.end().toString(), "null"), row(client.ask("IDENTIFY_SYSTEM")));
            assertEquals("IDENTIFY_SYSTEM", tag(client.ask("identify_system;")));
            assertEquals(List.of("1MB"), row(client.ask("SHOW wal_segment_size")));
            assertEquals(List.of("15.18"), row(client.ask("SHOW server_version")));
            assertEquals(List.of("s1", "0/0", "null", "null"), row(client.ask("CREATE_REPLICATION_SLOT s1 PHYSICAL RESERVE_WAL")));
            assertEquals(List.of("physical", "0/1000000", "1"), row(client.ask("READ_REPLICATION_SLOT s1")));
            assertEquals(List.of("null", "null", "null"), row(client.ask("READ_REPLICATION_SLOT other")));
            assertEquals("DROP_REPLICATION_SLOT", tag(client.ask("DROP_REPLICATION_SLOT s1")));
            assertInstanceOf(BackendMessage.EmptyQueryResponse.class, client.ask("").getFirst());
        }
    }

    private static void assertRefused(FakeStandby client, String command, String sqlState, String message) throws Exception {
        Diagnostic refusal = client.refusal(command);
        assertEquals(List.of("ERROR", sqlState, message), List.of(refusal.severity(), refusal.sqlState(), refusal.message()));
    }

    @Test
    void refusesInPostgresWordsAndGoesOn() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "c")) {
            assertRefused(client, "SHOW work_mem", "42704", "unrecognized configuration parameter \"work_mem\"");
            assertRefused(client, "TIMELINE_HISTORY 9", "58P01", "could not open file \"pg_wal/00000009.history\": No such file or directory");
            assertRefused(client, "DROP_REPLICATION_SLOT nope", "42704", "replication slot \"nope\" does not exist");
            assertRefused(client, "CREATE_REPLICATION_SLOT \"Bad-Name\" PHYSICAL", "42602", "replication slot name \"Bad-Name\" contains invalid character");
            client.ask("CREATE_REPLICATION_SLOT s1 PHYSICAL");
            assertRefused(client, "CREATE_REPLICATION_SLOT s1 PHYSICAL", "42710", "replication slot \"s1\" already exists");
            assertRefused(client, "ALTER_REPLICATION_SLOT s1 (failover true)", "0A000", "cannot use ALTER_REPLICATION_SLOT with a physical replication slot");
            relay.upstream().goAway();
            assertRefused(client, "BASE_BACKUP", "57P03", "upstream pg1:5432 can't be used now");
            assertRefused(client, "SELECT 1", "0A000", "cannot execute SQL commands in WAL sender for physical replication");
            assertRefused(client, "START_REPLICATION SLOT nope 0/1000000", "42704", "replication slot \"nope\" does not exist");
            assertEquals("42601", client.refusal("START_REPLICATION").sqlState());
            assertEquals("IDENTIFY_SYSTEM", tag(client.ask("IDENTIFY_SYSTEM")));
        }
    }

    @Test
    void refusesTheExtendedProtocolUntilSync() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "c")) {
            client.send(new FrontendMessage.Extended((byte) 'P', Unpooled.wrappedBuffer(new byte[] {0, 'x', 0, 0, 0})));
            client.send(new FrontendMessage.Extended((byte) 'E', Unpooled.wrappedBuffer(new byte[] {0, 0, 0, 0, 0})));
            client.send(new FrontendMessage.Sync());
            assertEquals(
                    "extended query protocol not supported in a replication connection",
                    client.expect(ErrorResponse.class).diagnostic().message());
            client.expect(ReadyForQuery.class);
            assertEquals("IDENTIFY_SYSTEM", tag(client.ask("IDENTIFY_SYSTEM")));
        }
    }

    @Test
    void givesATimelinesHistoryByteForByte() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "c")) {
            WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().getLast());
            relay.follow(two);
            assertEquals(List.of("00000002.history", two.history().format()), row(client.ask("TIMELINE_HISTORY 2")));
        }
    }

    @Test
    void aSlotBelongsToOneSessionAndAdvancesWithItsFlush() throws Exception {
        try (RelayFixture relay = relay();
                FakeStandby one = FakeStandby.login(relay.address(), "one");
                FakeStandby two = FakeStandby.login(relay.address(), "two")) {
            one.ask("CREATE_REPLICATION_SLOT s1 PHYSICAL RESERVE_WAL");
            one.start("SLOT s1 0/1000000 TIMELINE 1");
            one.receiveUntil(START, wal.end());
            Diagnostic active = two.refusal("START_REPLICATION SLOT s1 0/1000000");
            assertEquals("55006", active.sqlState());
            assertEquals("55006", two.refusal("DROP_REPLICATION_SLOT s1").sqlState());
            one.reply(wal.end(), wal.end(), wal.end(), true);
            one.keepalive();
            assertEquals(wal.end(), relay.cache().slots().find("s1").orElseThrow().restartLsn());
            one.send(new FrontendMessage.CopyDone());
            one.until(ReadyForQuery.class);
            assertEquals(wal.end(), relay.cache().slots().find("s1").orElseThrow().furthestSent());
            two.start("SLOT s1 0/1000000 TIMELINE 1");
        }
    }

    @Test
    void waitsForASlotThatIsToBeDropped() throws Exception {
        try (RelayFixture relay = relay();
                FakeStandby one = FakeStandby.login(relay.address(), "one");
                FakeStandby two = FakeStandby.login(relay.address(), "two")) {
            one.ask("CREATE_REPLICATION_SLOT s1 PHYSICAL");
            one.start("SLOT s1 0/1000000");
            two.query("DROP_REPLICATION_SLOT s1 WAIT");
            one.send(new FrontendMessage.Terminate());
            assertEquals("DROP_REPLICATION_SLOT", two.expect(CommandComplete.class).tag());
        }
    }

    @Test
    void aTemporarySlotGoesWithItsSession() throws Exception {
        try (RelayFixture relay = relay()) {
            FakeStandby one = FakeStandby.login(relay.address(), "one");
            one.ask("CREATE_REPLICATION_SLOT t1 TEMPORARY PHYSICAL RESERVE_WAL");
            assertTrue(relay.cache().slots().find("t1").isPresent());
            one.close();
            Await.until("the slot is gone", Duration.ofSeconds(5), () -> relay.cache().slots().find("t1").isEmpty());
        }
    }

    @Test
    void warnsOfAStandbyThatGotItsWalElsewhere() throws Exception {
        assertTrue(isWarnedOf(wal.end().plus(8192)));
    }

    @Test
    void doesNotWarnOfACloneThatGoesOnAtTheNextSegment() throws Exception {
        assertFalse(isWarnedOf(ONE_MB.endOf(wal.end())));
    }

    /** A standby that was sent all there is by its slot, and asks for what is at {@code next}. */
    private boolean isWarnedOf(Lsn next) throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "c")) {
            client.ask("CREATE_REPLICATION_SLOT s1 PHYSICAL");
            client.start("SLOT s1 0/1000000");
            client.receiveUntil(START, wal.end());
            client.send(new FrontendMessage.CopyDone());
            client.until(ReadyForQuery.class);
            client.start("SLOT s1 " + next);
            return relay.state().events().recent().stream().anyMatch(e -> e.kind().equals("standby-ahead-of-slot"));
        }
    }

    @Test
    void answersCommandsThatCameTogether() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "c")) {
            byte[] query = "Q\0\0\0\24IDENTIFY_SYSTEM\0".getBytes(StandardCharsets.ISO_8859_1);
            byte[] two = Arrays.copyOf(query, 2 * query.length);
            System.arraycopy(query, 0, two, query.length, query.length);
            client.raw(two);
            assertEquals("IDENTIFY_SYSTEM", tag(client.until(ReadyForQuery.class)));
            assertEquals("IDENTIFY_SYSTEM", tag(client.until(ReadyForQuery.class)));
        }
    }

    @Test
    void endsASessionThatBreaksTheProtocolAndNoOther() throws Exception {
        try (RelayFixture relay = relay();
                FakeStandby bad = FakeStandby.login(relay.address(), "bad");
                FakeStandby worse = FakeStandby.login(relay.address(), "worse");
                FakeStandby good = FakeStandby.login(relay.address(), "good")) {
            bad.raw(new byte[] {'!', 0, 0, 0, 4});
            assertEquals("08P01", bad.expect(ErrorResponse.class).diagnostic().sqlState());
            assertTrue(bad.isClosedByServer());
            worse.start("0/1000000");
            worse.receiveUntil(START, wal.end());
            worse.query("SELECT 1");
            assertEquals("invalid standby message type \"Q\"", worse.expect(ErrorResponse.class).diagnostic().message());
            assertTrue(worse.isClosedByServer());
            assertEquals("IDENTIFY_SYSTEM", tag(good.ask("IDENTIFY_SYSTEM")));
        }
    }

    @Test
    void itsOwnDatabaseHasNoLogicalReplication() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.connect(relay.address())) {
            client.startup(Map.of("user", "repl", "replication", "database", "database", "walrelay"));
            client.expect(BackendMessage.AuthenticationOk.class);
            Diagnostic refusal = client.expect(ErrorResponse.class).diagnostic();
            assertEquals(List.of("FATAL", "0A000"), List.of(refusal.severity(), refusal.sqlState()));
            assertTrue(refusal.hint().isPresent());
            assertTrue(client.isClosedByServer());
        }
    }

    @Test
    void refusesOneSessionTooMany() throws Exception {
        var limits = new StandbyLimits(Duration.ofSeconds(5), Duration.ofSeconds(60), 1, Duration.ofSeconds(60), 100);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, limits);
                FakeStandby first = FakeStandby.login(relay.address(), "first");
                FakeStandby second = FakeStandby.connect(relay.address())) {
            second.startup(Map.of("user", "repl", "replication", "true"));
            assertEquals("53300", second.expect(ErrorResponse.class).diagnostic().sqlState());
            assertEquals("IDENTIFY_SYSTEM", tag(first.ask("IDENTIFY_SYSTEM")));
        }
    }

    @Test
    void givesUpOnWhoSaysNothing() throws Exception {
        var limits = new StandbyLimits(Duration.ofMillis(200), Duration.ofSeconds(60), 10, Duration.ofSeconds(60), 100);
        try (RelayFixture relay = RelayFixture.start(data, wal, limits, (_, _) -> new CompletableFuture<>(), Optional.empty());
                FakeStandby silent = FakeStandby.connect(relay.address());
                FakeStandby undecided = FakeStandby.connect(relay.address())) {
            undecided.startup(Map.of("user", "repl", "replication", "true"));
            assertTrue(silent.isClosedByServer());
            assertEquals("canceling authentication due to timeout", undecided.expect(ErrorResponse.class).diagnostic().message());
        }
    }

    @Test
    void saysThatItHasNotReachedItsUpstreamYet() throws Exception {
        FakeUpstream upstream = FakeUpstream.start();
        StandbyServer server = StandbyServer.start(
                new HostPort("127.0.0.1", 0),
                Optional.empty(),
                Optional.empty(),
                RelayFixture.LIMITS,
                (_, _) -> CompletableFuture.completedFuture(new Authenticator.Admission(new AuthenticationDecision.Trust(), Optional.empty())),
                MockVerifiers.random(new SecureRandom()),
                upstream,
                RelayFixture.emptyState());
        try (upstream; FakeStandby early = FakeStandby.connect(server.address())) {
            early.startup(Map.of("user", "repl", "replication", "true"));
            early.expect(BackendMessage.AuthenticationOk.class);
            assertEquals("57P03", early.expect(ErrorResponse.class).diagnostic().sqlState());
        } finally {
            server.stop(Duration.ZERO).toCompletableFuture().get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void aSlotGoesBackWithAStandbyThatWasRestoredFromAnOlderBackup() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "c")) {
            client.ask("CREATE_REPLICATION_SLOT s1 PHYSICAL RESERVE_WAL");
            client.start("SLOT s1 0/1000000");
            client.receiveUntil(START, wal.end());
            client.reply(wal.end(), wal.end(), wal.end(), true);
            client.keepalive();
            assertEquals(wal.end(), restartLsn(relay));
            client.reply(START.plus(8192), START.plus(8192), START.plus(8192), true);
            client.keepalive();
            assertEquals(START.plus(8192), restartLsn(relay));
            client.send(new FrontendMessage.CopyDone());
            client.until(ReadyForQuery.class);
            client.start("SLOT s1 0/1000000");
            assertEquals(START, restartLsn(relay));
        }
    }

    private static Lsn restartLsn(RelayFixture relay) {
        return relay.cache().slots().find("s1").orElseThrow().restartLsn();
    }

    /** What is written before the error never leaves: the client's window is full and stays so. */
    @Test
    void oneThatReadsNothingCanNotKeepItsSlotNorItsSessionAfterItsEnd() throws Exception {
        wal.randomRecords(8_000, 8_000);
        try (RelayFixture relay = relay();
                FakeStandby deaf = FakeStandby.connectNarrow(relay.address());
                FakeStandby other = FakeStandby.login(relay.address(), "other")) {
            deaf.startup(Map.of("user", "repl", "replication", "true"));
            deaf.until(ReadyForQuery.class);
            deaf.ask("CREATE_REPLICATION_SLOT s1 PHYSICAL");
            deaf.start("SLOT s1 0/1000000");
            deaf.query("SELECT 1");
            Await.until("the slot is free", Duration.ofSeconds(4), () -> relay.cache().slots().find("s1").orElseThrow().activePid().isEmpty());
            other.start("SLOT s1 0/1000000");
            Await.until("the session is over", Duration.ofSeconds(10), () -> relay.state().standbys().count() == 1);
        }
    }

    @Test
    void showsEachSessionByANameThatIsFitForALabelAndStays() throws Exception {
        try (RelayFixture relay = relay();
                FakeStandby forger = FakeStandby.connect(relay.address());
                FakeStandby nameless = FakeStandby.connect(relay.address())) {
            forger.startup(Map.of("user", "re\npl", "replication", "true", "application_name", "a\nb\u00e4" + "x".repeat(80)));
            forger.until(ReadyForQuery.class);
            var shown = relay.state().standbys().all().getFirst();
            assertEquals("a\\x0ab\\xc3\\xa4" + "x".repeat(63 - 14), shown.name());
            assertEquals("re\\u000apl", shown.user());
            forger.send(new FrontendMessage.Terminate());
            Await.until("the first has left", Duration.ofSeconds(5), () -> relay.state().standbys().count() == 0);
            nameless.startup(Map.of("user", "repl", "replication", "true"));
            nameless.until(ReadyForQuery.class);
            nameless.ask("CREATE_REPLICATION_SLOT s1 PHYSICAL");
            assertEquals("127.0.0.1", relay.state().standbys().all().getFirst().name());
            nameless.start("SLOT s1 0/1000000");
            assertEquals("127.0.0.1", relay.state().standbys().all().getFirst().name());
        }
    }
}
