package io.walrelay.proxy.standby;

import static io.walrelay.proxy.standby.FakeUpstream.assertEnds;
import static io.walrelay.proxy.standby.FakeUpstream.assertHears;
import static io.walrelay.proxy.standby.FakeUpstream.say;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import io.walrelay.protocol.message.TransactionStatus;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.forward.ForwardedLogin;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What passes through the relay, with a test at both ends. */
final class ForwardingTest {

    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final ReadyForQuery READY = new ReadyForQuery(TransactionStatus.IDLE);
    private static final Diagnostic SHUTDOWN = Diagnostic.fatal("57P01", "terminating connection due to administrator command");

    @TempDir
    Path data;

    private final WalCraft wal = WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), Lsn.parse("0/1000000"), 1).randomRecords(40, 3_000);

    private RelayFixture relay() throws Exception {
        return RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
    }

    private static FakeStandby plainSession(RelayFixture relay) throws IOException {
        FakeStandby client = FakeStandby.connect(relay.address());
        client.startup(Map.of("user", "app", "database", "shop", "application_name", "till", "options", "-c work_mem=1MB"));
        client.until(ReadyForQuery.class);
        return client;
    }

    @Test
    void aSessionBeginsWithWhatUpstreamSaid() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.connect(relay.address())) {
            client.startup(Map.of("user", "app", "database", "shop", "application_name", "till", "options", "-c work_mem=1MB"));
            client.expect(BackendMessage.AuthenticationOk.class);
            assertEquals(FakeUpstream.NOTICE, client.expect(BackendMessage.NoticeResponse.class).diagnostic());
            assertEquals(new BackendMessage.ParameterStatus("server_version", "18.1"), client.next());
            assertEquals(FakeUpstream.KEY, client.next());
            assertEquals(READY, client.next());
            ForwardedLogin login = relay.upstream().login();
            assertEquals(
                    List.of("app", "shop", SessionKind.ORDINARY, Map.of("application_name", "till")),
                    List.of(login.request().user(), login.request().database(), login.request().kind(), login.request().parameters()));
            assertEquals("-c work_mem=1MB", login.request().options().orElseThrow());
            assertEquals(1, relay.state().forwarded().sessions());
        }
    }

    @Test
    void logicalReplicationIsForwarded() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.connect(relay.address())) {
            client.startup(Map.of("user", "repl", "database", "shop", "replication", "database"));
            client.until(ReadyForQuery.class);
            assertEquals(SessionKind.LOGICAL_REPLICATION, relay.upstream().login().request().kind());
        }
    }

    @Test
    void bytesPassBothWaysAsTheyAre() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = plainSession(relay); Socket server = relay.upstream().accept()) {
            client.query("SELECT 1");
            assertHears(server, new FrontendMessage.Query("SELECT 1"));
            say(server, new CommandComplete("SELECT 1"), READY);
            assertEquals(new CommandComplete("SELECT 1"), client.next());
            assertEquals(READY, client.next());
            Await.until("both to be counted", LIMIT, () -> relay.state().forwarded().toUpstreamBytes() > 0 && relay.state().forwarded().fromUpstreamBytes() > 0);
        }
    }

    @Test
    void whatAClientSentAheadOfItsSessionIsNotLost() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.connect(relay.address())) {
            client.startup(Map.of("user", "app", "database", "shop"));
            client.query("SELECT 'early'");
            client.until(ReadyForQuery.class);
            try (Socket server = relay.upstream().accept()) {
                assertHears(server, new FrontendMessage.Query("SELECT 'early'"));
            }
        }
    }

    @Test
    void whoReadsNothingStopsTheOtherSideAndGetsAllInTheEnd() throws Exception {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        byte[] much = new byte[64 << 20];
        new Random(seed).nextBytes(much);
        byte[] header = {'d', 4, 0, 0, 4};
        try (RelayFixture relay = relay(); FakeStandby client = plainSession(relay); Socket server = relay.upstream().accept()) {
            AtomicLong sent = new AtomicLong();
            Thread writer = Thread.ofVirtual().start(() -> {
                try {
                    OutputStream out = server.getOutputStream();
                    out.write(header);
                    for (int at = 0; at < much.length; at += 64 << 10) {
                        out.write(much, at, 64 << 10);
                        sent.set(at);
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            AtomicLong before = new AtomicLong(-1);
            Await.until("the server to be stopped", LIMIT, () -> before.getAndSet(sent.get()) == sent.get() && sent.get() > 0);
            assertTrue(sent.get() < much.length / 2, () -> "%d bytes are somewhere in between; -Dwalrelay.seed=%d".formatted(sent.get(), seed));
            assertArrayEquals(header, client.socket().getInputStream().readNBytes(header.length));
            assertArrayEquals(much, client.socket().getInputStream().readNBytes(much.length), () -> "-Dwalrelay.seed=" + seed);
            writer.join();
        }
    }

    @Test
    void aClientThatEndsItsSideStillGetsItsAnswer() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = plainSession(relay); Socket server = relay.upstream().accept()) {
            client.query("SELECT 1");
            client.socket().shutdownOutput();
            assertHears(server, new FrontendMessage.Query("SELECT 1"));
            assertEquals(-1, server.getInputStream().read());
            say(server, new CommandComplete("SELECT 1"), READY);
            assertEquals(new CommandComplete("SELECT 1"), client.next());
            assertEquals(READY, client.next());
            server.shutdownOutput();
            assertTrue(client.isClosedByServer());
            Await.until("the session to end", LIMIT, () -> relay.state().forwarded().sessions() == 0);
        }
    }

    @Test
    void aSessionEndsAsUpstreamEndsIt() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = plainSession(relay); Socket server = relay.upstream().accept()) {
            say(server, new ErrorResponse(SHUTDOWN));
            server.shutdownOutput();
            assertEquals(SHUTDOWN, client.expect(ErrorResponse.class).diagnostic());
            assertTrue(client.isClosedByServer());
        }
    }

    @Test
    void aClientThatIsGoneIsGoneUpstream() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = plainSession(relay); Socket server = relay.upstream().accept()) {
            client.socket().setSoLinger(true, 0);
            client.socket().close();
            assertEnds(server);
            Await.until("the session to end", LIMIT, () -> relay.state().forwarded().sessions() == 0);
        }
    }

    @Test
    void aKeyCancelsTheSessionThatItIsOfAndNoOther() throws Exception {
        try (RelayFixture relay = relay();
                FakeStandby client = plainSession(relay);
                Socket server = relay.upstream().accept();
                FakeStandby guess = FakeStandby.connect(relay.address());
                FakeStandby cancel = FakeStandby.connect(relay.address())) {
            guess.send(new FrontendMessage.CancelRequest(FakeUpstream.KEY.processId(), new SecretKey(Secret.of(new byte[] {9, 9, 9, 9}))));
            assertTrue(guess.isClosedByServer());
            cancel.send(new FrontendMessage.CancelRequest(FakeUpstream.KEY.processId(), FakeUpstream.KEY.secretKey()));
            assertTrue(cancel.isClosedByServer());
            assertEquals(FakeUpstream.KEY, relay.upstream().canceled().login().key().orElseThrow());
            server.shutdownOutput();
            assertTrue(client.isClosedByServer());
            Await.until("the session to end", LIMIT, () -> relay.state().forwarded().sessions() == 0);
            try (FakeStandby late = FakeStandby.connect(relay.address())) {
                late.send(new FrontendMessage.CancelRequest(FakeUpstream.KEY.processId(), FakeUpstream.KEY.secretKey()));
                assertTrue(late.isClosedByServer());
            }
        }
    }

    @Test
    void aQuarterOfAllSessionsIsForStandbys() throws Exception {
        var limits = new StandbyLimits(Duration.ofSeconds(5), Duration.ofSeconds(60), 4, Duration.ofSeconds(60), 100);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, limits);
                FakeStandby one = plainSession(relay);
                FakeStandby two = plainSession(relay);
                FakeStandby three = plainSession(relay);
                FakeStandby four = FakeStandby.connect(relay.address())) {
            four.startup(Map.of("user", "app", "database", "shop"));
            assertEquals("the relay serves at most 3 such sessions at a time", four.expect(ErrorResponse.class).diagnostic().hint().orElseThrow());
            try (FakeStandby standby = FakeStandby.login(relay.address(), "standby")) {
                standby.ask("IDENTIFY_SYSTEM");
            }
            for (FakeStandby session : List.of(one, two, three)) {
                session.query("SELECT 1");
            }
            assertEquals(3, relay.state().forwarded().sessions());
        }
    }

    @Test
    void anUpstreamThatIsAwayIsNamed() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.connect(relay.address())) {
            relay.upstream().goAway();
            client.startup(Map.of("user", "app", "database", "shop"));
            client.expect(BackendMessage.AuthenticationOk.class);
            assertEquals(FakeUpstream.AWAY, client.expect(ErrorResponse.class).diagnostic());
            assertTrue(client.isClosedByServer());
        }
    }

    @Test
    void aRelayThatStopsSaysSoBetweenTwoMessages() throws Exception {
        RelayFixture relay = relay();
        try (FakeStandby idle = plainSession(relay);
                Socket idleServer = relay.upstream().accept();
                FakeStandby busy = plainSession(relay);
                Socket busyServer = relay.upstream().accept()) {
            busyServer.getOutputStream().write(new byte[] {'d', 0, 0, 0, 6, 'a'});
            assertArrayEquals(new byte[] {'d', 0, 0, 0, 6, 'a'}, busy.socket().getInputStream().readNBytes(6));
            var stopped = relay.server().stop(LIMIT);
            assertEquals(Refusals.ADMIN_SHUTDOWN, idle.expect(ErrorResponse.class).diagnostic());
            assertTrue(idle.isClosedByServer());
            assertEnds(idleServer);
            // The stop may reach this session a little later.
            Thread writer = Thread.ofVirtual().start(() -> sayEndingInsideMessages(busyServer));
            assertEquals('b', busy.socket().getInputStream().read());
            assertEquals(new ErrorResponse(Refusals.ADMIN_SHUTDOWN), busy.until(ErrorResponse.class).getLast());
            assertTrue(busy.isClosedByServer());
            writer.join();
            stopped.toCompletableFuture().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } finally {
            relay.close();
        }
    }

    @Test
    void sessionsOnAnUpstreamThatTheRelayHasLeftEnd() throws Exception {
        Diagnostic left = Refusals.upstreamLeft("pg1:5432", "pg2:5432");
        try (RelayFixture relay = relay(); FakeStandby client = plainSession(relay); Socket server = relay.upstream().accept()) {
            relay.upstreamIs(UpstreamStatus.State.WAITING);
            relay.upstreamIs("pg1:5432");
            client.query("SELECT 1");
            assertHears(server, new FrontendMessage.Query("SELECT 1"));
            relay.upstreamIs("pg2:5432");
            assertEquals(left, client.expect(ErrorResponse.class).diagnostic());
            assertTrue(client.isClosedByServer());
            assertEnds(server);
            // Its login had begun before.
            try (FakeStandby late = plainSession(relay)) {
                assertEquals(left, late.expect(ErrorResponse.class).diagnostic());
                assertTrue(late.isClosedByServer());
            }
        }
    }

    /** Each piece ends the message that has begun and begins the next one, until nobody listens. */
    private static void sayEndingInsideMessages(Socket socket) {
        try {
            while (true) {
                socket.getOutputStream().write(new byte[] {'b', 'd', 0, 0, 0, 6, 'a'});
            }
        } catch (IOException e) {
            // The relay has closed it.
        }
    }
}
