package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.GroupFsync;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.protocol.replication.FromStandby.HotStandbyFeedback;
import io.walrelay.protocol.replication.FromStandby.StandbyStatusUpdate;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.Xmins;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A stream whose upstream does what a real one can't be made to do on cue. The channel's clock is the test's. */
class WalStreamTest {

    private static final Lsn ORIGIN = Lsn.parse("0/1000000");
    private static final int MB = 1 << 20;

    private final CrashableStorage disk = new CrashableStorage();
    private final WalCraft wal =
            WalCraft.begin(new SegmentSize(MB), new SystemId(7), ORIGIN, 1).randomRecords(100, 20_000).record(2 * MB).randomRecords(20, 3_000);
    private final RelayState state = new RelayState(
            Clock.systemUTC(),
            new UpstreamStatus(
                    UpstreamStatus.State.CONNECTING, Optional.empty(), Instant.EPOCH, Lsn.INVALID, Lsn.INVALID, Lsn.INVALID, Optional.empty(), Optional.empty()));
    private final Room room = new Room(state);
    private final List<IOException> fatal = new ArrayList<>();
    private final EmbeddedChannel channel = new EmbeddedChannel();
    private WalCache cache;
    private GroupFsync fsync;

    WalStreamTest() throws IOException {
        cache = WalCache.create(Tiers.local(disk, new CacheSettings(MB, 1L << 40, Duration.ofHours(1), SlotLimits.upTo(1L << 40), false)), wal.systemId(), wal.segmentSize(), wal.history(), ORIGIN);
        fsync = cache.groupFsync(() -> {}, fatal::add);
    }

    @BeforeEach
    void open() {
        state.open(cache);
    }

    @AfterEach
    void close() throws IOException {
        disk.limitTo(Long.MAX_VALUE);
        channel.finishAndReleaseAll();
        cache.close();
        assertEquals(List.of(), fatal);
    }

    private void hold(Lsn to) throws Exception {
        cache.writer().append(ORIGIN, Unpooled.wrappedBuffer(wal.bytes(ORIGIN, to)));
        cache.writer().publish();
    }

    private WalStream stream(Lsn asked) {
        return stream(asked, LinkTiming.DEFAULT);
    }

    private WalStream stream(Lsn asked, LinkTiming t) {
        WalStream stream = new WalStream(
                new StreamContext(state, new LinkStatus(state), cache, fsync, t, room, fatal::add), channel, asked, t.status(), Lsn.INVALID);
        stream.begun();
        return stream;
    }

    private static LinkTiming receiver(Duration limit) {
        LinkTiming t = LinkTiming.DEFAULT;
        return new LinkTiming(t.connect(), t.answer(), limit, t.status(), t.look(), t.firstRetry(), t.lastRetry(), t.gap());
    }

    private static BackendMessage begin() {
        return new BackendMessage.CopyBothResponse();
    }

    private BackendMessage sends(Lsn from, Lsn to) {
        return sends(from, wal.bytes(from, to));
    }

    private static BackendMessage sends(Lsn from, byte[] bytes) {
        ByteBuf body = Unpooled.buffer();
        FromServerCodec.writeXLogDataHeader(body, from, from.plus(bytes.length), 0, bytes.length);
        return new BackendMessage.CopyData(body.writeBytes(bytes).skipBytes(5));
    }

    private static BackendMessage keepalive(boolean wantsReply) {
        return keepalive(ORIGIN, wantsReply);
    }

    private static BackendMessage keepalive(Lsn end, boolean wantsReply) {
        ByteBuf body = Unpooled.buffer();
        FromServerCodec.writeKeepalive(body, end, 0, wantsReply);
        return new BackendMessage.CopyData(body.skipBytes(5));
    }

    private int sent() {
        int messages = 0;
        for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
            messages++;
            out.release();
        }
        return messages;
    }

    private void wait(Duration time) {
        channel.advanceTimeBy(time.toNanos(), TimeUnit.NANOSECONDS);
        channel.runPendingTasks();
    }

    @Test
    void isAcceptedOnlyWhenAllThatIsHeldWasComparedEqual() throws Exception {
        Lsn end = wal.recordEnds().get(30);
        Lsn asked = end.plus(-1000);
        hold(end);
        WalStream stream = stream(asked);
        stream.on(begin());
        stream.on(keepalive(false));
        stream.on(sends(asked, end.plus(-10)));
        assertFalse(stream.accepted().isDone());
        stream.on(sends(end.plus(-10), end));
        assertTrue(stream.accepted().getNow(false));
    }

    @Test
    void isNotAcceptedWhenTheBytesDiffer() throws Exception {
        Lsn end = wal.recordEnds().get(30);
        hold(end);
        WalStream stream = stream(end.plus(-1000));
        stream.on(begin());
        byte[] other = wal.bytes(end.plus(-1000), end);
        other[500]++;
        stream.on(sends(end.plus(-1000), other));
        assertFalse(stream.accepted().getNow(true));
        assertInstanceOf(StreamEnd.Diverged.class, stream.end().getNow(null));
    }

    @Test
    void isAcceptedWithTheFirstSignOfLifeWhereNothingCanBeCompared() throws Exception {
        hold(wal.recordEnds().get(30));
        WalStream stream = stream(cache.end().written());
        stream.on(begin());
        assertFalse(stream.accepted().isDone());
        ByteBuf report = channel.readOutbound();
        assertEquals(1, report.getByte(report.writerIndex() - 1), "it asks, so that an idle upstream answers at once");
        report.release();
        stream.on(keepalive(false));
        assertTrue(stream.accepted().getNow(false));
    }

    @Test
    void doesNotReadWhenItIsHeldBeforeItBegins() throws Exception {
        WalStream stream = stream(ORIGIN);
        room.hold(true);
        stream.lookAgain();
        channel.runPendingTasks();
        assertTrue(channel.config().isAutoRead(), "the answer to START_REPLICATION is read");
        stream.on(begin());
        assertFalse(channel.config().isAutoRead());
        room.hold(false);
        stream.lookAgain();
        channel.runPendingTasks();
        assertTrue(channel.config().isAutoRead());
    }

    @Test
    void endsWhenUpstreamSkipsWalWhileItWaitsForRoom() throws Exception {
        disk.limitTo(disk.usedBytes());
        WalStream stream = stream(ORIGIN);
        stream.on(begin());
        stream.on(sends(ORIGIN, ORIGIN.plus(3 * MB / 2)));
        stream.on(sends(ORIGIN.plus(3 * MB / 2), ORIGIN.plus(2 * MB)));
        stream.on(sends(ORIGIN.plus(2 * MB + 100), wal.end()));
        assertTrue(state.notReady().containsKey(Room.DISK_FULL));
        assertFalse(channel.config().isAutoRead());
        disk.limitTo(Long.MAX_VALUE);
        wait(Duration.ofSeconds(1));
        assertTrue(stream.end().getNow(null) instanceof StreamEnd.Lost(var reason) && reason.contains("would leave a gap"), stream.end()::toString);
        assertTrue(state.events().recent().stream().noneMatch(e -> e.text().contains("there is room again")), state.events().recent()::toString);
    }

    @Test
    void endsWithASecondBeginning() throws Exception {
        WalStream stream = stream(ORIGIN);
        stream.on(begin());
        stream.on(begin());
        assertInstanceOf(StreamEnd.Lost.class, stream.end().getNow(null));
        sent();
        wait(Duration.ofMinutes(1));
        assertEquals(0, sent(), "a timer that was left");
    }

    static Stream<List<BackendMessage>> whatCameBeforeItHung() {
        BackendMessage row = new BackendMessage.DataRow(List.of("2", "0/1000000"));
        BackendMessage copyDone = new BackendMessage.CopyDone();
        return Stream.of(List.of(), List.of(begin()), List.of(begin(), keepalive(false)), List.of(begin(), copyDone), List.of(begin(), copyDone, row), List.of(row));
    }

    @ParameterizedTest
    @MethodSource("whatCameBeforeItHung")
    void endsWhenNothingMoreComes(List<BackendMessage> before) throws Exception {
        WalStream stream = stream(ORIGIN, receiver(Duration.ofMillis(200)));
        for (BackendMessage message : before) {
            assertFalse(stream.on(message));
            stream.pause();
        }
        Await.until("the stream to end", Duration.ofSeconds(10), () -> {
            wait(Duration.ofMillis(50));
            return stream.end().isDone();
        });
        assertTrue(stream.end().getNow(null) instanceof StreamEnd.Lost(var reason) && reason.startsWith("no message for"), stream.end()::toString);
        assertFalse(channel.isOpen());
    }

    @Test
    void answersOnceToAPeerThatAsksAndNeverReads() throws Exception {
        WalStream stream = stream(ORIGIN);
        stream.on(begin());
        sent();
        channel.unsafe().outboundBuffer().setUserDefinedWritability(1, false);
        for (int i = 0; i < 100; i++) {
            stream.on(keepalive(true));
            stream.pause();
        }
        wait(Duration.ofSeconds(30));
        assertEquals(0, sent());
        channel.unsafe().outboundBuffer().setUserDefinedWritability(1, true);
        stream.writable();
        assertEquals(1, sent());
    }

    private StandbyStatusUpdate report() {
        ByteBuf out = channel.readOutbound();
        return (StandbyStatusUpdate) FromStandbyCodec.decode(out.skipBytes(5));
    }

    private StandbyStatusUpdate answer(WalStream stream) {
        stream.on(keepalive(true));
        stream.pause();
        return report();
    }

    @Test
    void acknowledgesNoHalfOfARecordAndStillLetsUpstreamGo() throws Exception {
        Lsn end = wal.recordEnds().get(30);
        Lsn inside = end.plus(8);
        WalStream stream = stream(ORIGIN);
        stream.on(begin());
        sent();
        stream.on(sends(ORIGIN, inside));
        assertEquals(new StandbyStatusUpdate(inside, ORIGIN, Lsn.INVALID, 0, false), timeless(answer(stream)), "not flushed yet");
        cache.writer().flush();
        assertEquals(new StandbyStatusUpdate(inside, end, Lsn.INVALID, 0, false), timeless(answer(stream)));
        for (int i = 0; i < 2; i++) {
            assertEquals(
                    new StandbyStatusUpdate(inside, Lsn.INVALID, Lsn.INVALID, 0, false), timeless(answer(stream)), "it had been told");
        }
        Lsn next = wal.recordEnds().get(31);
        stream.on(sends(inside, next));
        stream.pause();
        cache.writer().flush();
        assertEquals(end, state.upstream().acknowledged());
        for (int i = 0; i < 3; i++) {
            assertEquals(new StandbyStatusUpdate(next, next, Lsn.INVALID, 0, false), timeless(answer(stream)), "a whole record");
        }
    }

    @Test
    void acknowledgesAsUsualWhileUpstreamHasMoreToSend() throws Exception {
        Lsn end = wal.recordEnds().get(30);
        WalStream stream = stream(ORIGIN);
        stream.on(begin());
        stream.on(sends(ORIGIN, end.plus(8)));
        stream.on(keepalive(end.plus(9), false));
        stream.pause();
        cache.writer().flush();
        sent();
        for (int i = 0; i < 3; i++) {
            assertEquals(end, answer(stream).flushed());
        }
    }

    private HotStandbyFeedback feedback(Object out) {
        ByteBuf message = (ByteBuf) out;
        return (HotStandbyFeedback) FromStandbyCodec.decode(message.skipBytes(5));
    }

    @Test
    void tellsUpstreamWhatStandbysWantKept() throws Exception {
        Xmins old = new Xmins(FullTransactionId.of(1, 700), FullTransactionId.INVALID);
        Xmins older = new Xmins(FullTransactionId.of(1, 690), FullTransactionId.INVALID);
        state.feedback().heard(41, "a", old);
        WalStream stream = stream(ORIGIN);
        stream.on(begin());
        report();
        assertEquals(old, feedback(channel.readOutbound()).held(), "with the beginning");
        wait(Duration.ofSeconds(1));
        assertEquals(0, sent());
        state.feedback().heard(42, "b", older);
        wait(Duration.ofSeconds(1));
        ByteBuf both = channel.readOutbound();
        assertEquals(Xmins.NONE, feedback(both.readRetainedSlice(30)).held());
        assertEquals(older, feedback(both).held());
        state.feedback().left(41);
        state.feedback().left(42);
        wait(Duration.ofSeconds(1));
        assertEquals(0, sent(), "less is told with the interval");
    }

    private static StandbyStatusUpdate timeless(StandbyStatusUpdate update) {
        return new StandbyStatusUpdate(update.written(), update.flushed(), update.applied(), 0, update.replyRequested());
    }

    @Test
    void isDroppedForWantOfMemoryOutsideTheHeapAndAnotherOneGoesOn() throws Exception {
        WalStream stream = stream(ORIGIN);
        stream.on(begin());
        BackendMessage.CopyData whole = (BackendMessage.CopyData) sends(ORIGIN, wal.end());
        try (DirectMemory _ = DirectMemory.takeAll()) {
            stream.on(whole);
        }
        assertInstanceOf(StreamEnd.NoMemory.class, stream.end().getNow(null));
        assertEquals(0, whole.data().refCnt());

        WalStream another = stream(cache.end().written());
        another.on(begin());
        another.on(sends(cache.end().written(), wal.end()));
        another.pause();
        assertEquals(wal.end(), cache.end().written());
    }

    @Test
    void keepsItsEndToItselfWhenAnAnswerOfAnUnknownKindEndsIt() throws Exception {
        WalStream stream = stream(ORIGIN);
        stream.on(begin());
        ByteBuf body = Unpooled.buffer().writeByte(1);
        stream.on(new BackendMessage.Other((byte) 'v', body));
        assertInstanceOf(StreamEnd.Lost.class, stream.end().getNow(null));
        assertEquals(0, body.refCnt());
    }
}
