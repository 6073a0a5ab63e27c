package io.walrelay.proxy.standby;

import static io.walrelay.proxy.standby.FakeUpstream.assertEnds;
import static io.walrelay.proxy.standby.FakeUpstream.assertHears;
import static io.walrelay.proxy.standby.FakeUpstream.encoded;
import static io.walrelay.proxy.standby.FakeUpstream.say;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyData;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.TransactionStatus;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands of a physical session that upstream carries out, with a test at both ends. */
final class DelegationTest {

    /** XLOG_CHECKPOINT_ONLINE (pg_control.h). */
    private static final int CHECKPOINT_ONLINE = 0x10;

    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final ReadyForQuery READY = new ReadyForQuery(TransactionStatus.IDLE);
    private static final Diagnostic SHUTDOWN = Diagnostic.fatal("57P01", "terminating connection due to administrator command");

    @TempDir
    Path data;

    private final WalCraft wal = WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), Lsn.parse("0/1000000"), 1).randomRecords(40, 3_000);

    private RelayFixture relay() throws Exception {
        return RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
    }

    private interface Course {
        void run(RelayFixture relay, FakeStandby client, Socket server) throws Exception;
    }

    /** With a session whose backup upstream has begun. */
    private void duringBackup(Course course) throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "b")) {
            client.query("BASE_BACKUP");
            try (Socket server = relay.upstream().accept()) {
                assertHears(server, new FrontendMessage.Query("BASE_BACKUP"));
                course.run(relay, client, server);
            }
        }
    }

    /** With a session whose backup has ended, and that still has upstream. */
    private void afterBackup(Course course) throws Exception {
        duringBackup((relay, client, server) -> {
            say(server, new CommandComplete("SELECT"), READY);
            client.until(ReadyForQuery.class);
            course.run(relay, client, server);
        });
    }

    @Test
    void aBackupPassesInAPhysicalSessionAndItsWalIsHeldMeanwhile() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "b")) {
            client.query("BASE_BACKUP (LABEL 'b')");
            try (Socket server = relay.upstream().accept()) {
                assertEquals(SessionKind.PHYSICAL_REPLICATION, relay.upstream().login().request().kind());
                assertHears(server, new FrontendMessage.Query("BASE_BACKUP (LABEL 'b')"));
                assertEquals(1, relay.cache().slots().all().size());
                say(server, new CopyData(Unpooled.copiedBuffer("tar", StandardCharsets.US_ASCII)), new CopyDone(), new CommandComplete("SELECT"), READY);
                CopyData piece = client.expect(CopyData.class);
                assertEquals("tar", piece.data().toString(StandardCharsets.US_ASCII));
                client.until(ReadyForQuery.class);
                client.ask("IDENTIFY_SYSTEM");
                assertEquals(0, relay.cache().slots().all().size());
            }
        }
    }

    @Test
    void aManifestGoesUpOnTheSessionOfTheBackupThatFollows() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "b")) {
            client.query("UPLOAD_MANIFEST");
            try (Socket server = relay.upstream().accept()) {
                assertHears(server, new FrontendMessage.Query("UPLOAD_MANIFEST"));
                say(server, new BackendMessage.Other((byte) 'G', Unpooled.wrappedBuffer(new byte[] {0, 0, 0})));
                client.expect(BackendMessage.Other.class).body().release();
                client.send(new FrontendMessage.CopyData(Unpooled.copiedBuffer("{}", StandardCharsets.US_ASCII)));
                client.send(new FrontendMessage.CopyDone());
                assertHears(server, new FrontendMessage.CopyData(Unpooled.copiedBuffer("{}", StandardCharsets.US_ASCII)));
                assertHears(server, new FrontendMessage.CopyDone());
                // Ahead of the answer: it waits, and is the relay's own.
                client.query("IDENTIFY_SYSTEM");
                say(server, new CommandComplete("UPLOAD_MANIFEST"), READY);
                assertEquals(new CommandComplete("UPLOAD_MANIFEST"), client.next());
                assertEquals(READY, client.next());
                assertTrue(client.until(ReadyForQuery.class).contains(new CommandComplete("IDENTIFY_SYSTEM")));
                client.query("BASE_BACKUP (INCREMENTAL)");
                assertHears(server, new FrontendMessage.Query("BASE_BACKUP (INCREMENTAL)"));
            }
        }
    }

    @Test
    void aManifestMayComeWithItsCommand() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "b")) {
            FrontendMessage.Query command = new FrontendMessage.Query("UPLOAD_MANIFEST");
            ByteBuf together = Unpooled.buffer();
            FrontendEncoder.encode(command, together);
            FrontendEncoder.encode(new FrontendMessage.CopyData(Unpooled.copiedBuffer("{}", StandardCharsets.US_ASCII)), together);
            FrontendEncoder.encode(new FrontendMessage.CopyDone(), together);
            client.socket().getOutputStream().write(ByteBufUtil.getBytes(together));
            try (Socket server = relay.upstream().accept()) {
                assertArrayEquals(ByteBufUtil.getBytes(together), server.getInputStream().readNBytes(together.readableBytes()));
                say(server, new CommandComplete("UPLOAD_MANIFEST"), READY);
                assertEquals(new CommandComplete("UPLOAD_MANIFEST"), client.next());
            }
        }
    }

    @Test
    void aServerThatLeavesBetweenTwoCommandsIsNotMissed() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "b")) {
            client.query("BASE_BACKUP");
            try (Socket server = relay.upstream().accept()) {
                assertHears(server, new FrontendMessage.Query("BASE_BACKUP"));
                say(server, new CommandComplete("SELECT"), READY);
                client.until(ReadyForQuery.class);
                say(server, new ErrorResponse(SHUTDOWN));
                server.shutdownOutput();
                Await.until("the session to end", LIMIT, () -> relay.state().forwarded().sessions() == 0);
            }
            client.query("BASE_BACKUP");
            try (Socket next = relay.upstream().accept()) {
                assertHears(next, new FrontendMessage.Query("BASE_BACKUP"));
            }
            assertEquals("upstream pg1:5432 closed the connection during BASE_BACKUP", client.expect(ErrorResponse.class).diagnostic().message());
        }
    }

    private static void assertGoesOn(FakeStandby client) throws IOException {
        assertEquals(List.of(RowDescription.class, DataRow.class, CommandComplete.class, ReadyForQuery.class), client.ask("IDENTIFY_SYSTEM").stream().map(Object::getClass).toList());
    }

    @Test
    void theEndOfAServerRightAfterABackupIsForNobody() throws Exception {
        duringBackup((relay, client, server) -> {
            say(server, new CommandComplete("SELECT"), READY, new ErrorResponse(SHUTDOWN));
            client.until(ReadyForQuery.class);
            assertGoesOn(client);
        });
    }

    @Test
    void theEndOfAServerThatComesInPiecesIsForNobody() throws Exception {
        byte[] end = encoded(new ErrorResponse(SHUTDOWN));
        byte[] all = encoded(new CommandComplete("SELECT"), READY, new ErrorResponse(SHUTDOWN));
        int cut = all.length - end.length / 2;
        duringBackup((relay, client, server) -> {
            server.getOutputStream().write(all, 0, cut);
            client.until(ReadyForQuery.class);
            assertGoesOn(client);
            server.getOutputStream().write(all, cut, all.length - cut);
            assertGoesOn(client);
        });
    }

    @Test
    void aNoticeThatBeganBetweenTwoCommandsIsForNobody() throws Exception {
        byte[] notice = encoded(new BackendMessage.NoticeResponse(FakeUpstream.NOTICE));
        afterBackup((relay, client, server) -> {
            server.getOutputStream().write(notice, 0, 10);
            // The second is read by an event loop that has looked at the server, too.
            assertGoesOn(client);
            assertGoesOn(client);
            client.query("BASE_BACKUP");
            assertHears(server, new FrontendMessage.Query("BASE_BACKUP"));
            server.getOutputStream().write(notice, 10, notice.length - 10);
            say(server, new CommandComplete("SELECT"), READY);
            assertEquals(new CommandComplete("SELECT"), client.next());
            assertEquals(READY, client.next());
        });
    }

    @Test
    void anEndThatBeganBetweenTwoCommandsIsToldAsALoss() throws Exception {
        byte[] end = encoded(new ErrorResponse(SHUTDOWN));
        afterBackup((relay, client, server) -> {
            server.getOutputStream().write(end, 0, 10);
            assertGoesOn(client);
            assertGoesOn(client);
            client.query("BASE_BACKUP");
            assertHears(server, new FrontendMessage.Query("BASE_BACKUP"));
            server.getOutputStream().write(end, 10, end.length - 10);
            server.shutdownOutput();
            assertEquals("upstream pg1:5432 closed the connection during BASE_BACKUP", client.expect(ErrorResponse.class).diagnostic().message());
            assertTrue(client.isClosedByServer());
        });
    }

    @Test
    void aServerThatIsLostDuringABackupIsNamed() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "b")) {
            client.query("BASE_BACKUP");
            try (Socket server = relay.upstream().accept()) {
                assertHears(server, new FrontendMessage.Query("BASE_BACKUP"));
            }
            Diagnostic lost = client.expect(ErrorResponse.class).diagnostic();
            assertEquals("upstream pg1:5432 closed the connection during BASE_BACKUP", lost.message());
            assertTrue(client.isClosedByServer());
        }
    }

    @Test
    void aSessionThatLeavesDuringABackupLeavesUpstreamToo() throws Exception {
        duringBackup((relay, client, server) -> {
            client.socket().close();
            assertEnds(server);
            Await.until("the slot to go", LIMIT, () -> relay.cache().slots().all().isEmpty());
        });
    }

    @Test
    void aBackupEndsThatRunsOnAnUpstreamWhichTheRelayHasLeft() throws Exception {
        Diagnostic left = Refusals.upstreamLeft("pg1:5432", "pg2:5432");
        try (RelayFixture relay = relay(); FakeStandby client = FakeStandby.login(relay.address(), "b")) {
            client.query("BASE_BACKUP");
            try (Socket server = relay.upstream().accept()) {
                assertHears(server, new FrontendMessage.Query("BASE_BACKUP"));
                relay.upstreamIs("pg2:5432");
                assertEquals(left, client.expect(ErrorResponse.class).diagnostic());
                assertTrue(client.isClosedByServer());
                assertEnds(server);
            }
            try (FakeStandby late = FakeStandby.login(relay.address(), "b")) {
                // The login upstream had begun before.
                late.query("BASE_BACKUP");
                assertEquals(left, late.expect(ErrorResponse.class).diagnostic());
                assertTrue(late.isClosedByServer());
            }
        }
    }

    @Test
    void aSessionThatHasNoCommandOnAnUpstreamWhichTheRelayHasLeftGoesOn() throws Exception {
        afterBackup((relay, client, server) -> {
            relay.upstreamIs("pg2:5432");
            assertEnds(server);
            assertGoesOn(client);
        });
    }

    /** A standby's backup may begin at an older checkpoint than the last one whose record the relay has. */
    @Test
    void theWalOfABackupIsHeldFromTheLastCheckpointOfAPrimaryAndWhollyForAStandby() throws Exception {
        Lsn redo = wal.end();
        // xlogrecord.h: a short main data header, then CheckPoint of 88 bytes, which begins with redo, its timeline and the one before.
        byte[] checkpoint = ByteBuffer.allocate(90).order(ByteOrder.LITTLE_ENDIAN).put((byte) 0xFF).put((byte) 88).putLong(redo.value()).putInt(1).putInt(1).array();
        wal.record(0, CHECKPOINT_ONLINE, checkpoint);
        try (RelayFixture relay = relay()) {
            assertEquals(redo, heldDuringABackup(relay));
            try (FakeStandby session = FakeStandby.login(relay.address(), "b")) {
                relay.upstreamIsInRecovery(wal);
                assertEquals(wal.start(), heldDuringABackup(relay, session));
            }
        }
    }

    private static Lsn heldDuringABackup(RelayFixture relay) throws IOException {
        try (FakeStandby client = FakeStandby.login(relay.address(), "b")) {
            return heldDuringABackup(relay, client);
        }
    }

    private static Lsn heldDuringABackup(RelayFixture relay, FakeStandby client) throws IOException {
        client.query("BASE_BACKUP");
        try (Socket server = relay.upstream().accept()) {
            assertHears(server, new FrontendMessage.Query("BASE_BACKUP"));
            Lsn held = relay.cache().slots().all().iterator().next().restartLsn();
            say(server, new CommandComplete("SELECT"), READY);
            client.until(ReadyForQuery.class);
            Await.until("the slot to go", LIMIT, () -> relay.cache().slots().all().isEmpty());
            return held;
        }
    }
}
