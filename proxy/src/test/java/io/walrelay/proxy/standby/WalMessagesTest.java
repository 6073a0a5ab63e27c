package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.ssl.SslHandler;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalCursor;
import io.walrelay.cache.WalSlice;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.proxy.config.StandbySettings;
import io.walrelay.proxy.state.WrittenTimes;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.WalCraft;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Messages to channels that take nothing, of a relay that holds 5 MB of WAL, the last of it in memory. */
final class WalMessagesTest {

    private static final SegmentSize ONE_MB = new SegmentSize(1 << 20);
    private static final Lsn START = Lsn.parse("0/1000000");
    /** The tail's. */
    private static final long CHUNK = 256 << 10;

    @TempDir
    Path data;

    private WalCache cache;
    private Lsn end;

    @BeforeEach
    void fill() throws Exception {
        WalCraft wal = WalCraft.begin(ONE_MB, new SystemId(7), START, 1).randomRecords(12_000, 8_000);
        end = wal.end();
        assertTrue(end.minus(START) > 5 << 20, "more than the memory");
        cache = WalCache.create(
                Tiers.local(new PosixStorage(data), new CacheSettings(1 << 20, 1L << 30, Duration.ofHours(1), SlotLimits.upTo(1L << 30), false)),
                wal.systemId(),
                wal.segmentSize(),
                wal.history(),
                START);
        cache.writer().append(START, Unpooled.wrappedBuffer(wal.bytes()));
        cache.writer().publish();
    }

    @AfterEach
    void close() throws Exception {
        cache.close();
    }

    /** Has room for some buffers and for no more, as java.nio.Bits.reserveMemory. */
    private static final class Scarce extends AbstractByteBufAllocator {
        private int left;

        Scarce(int left) {
            super(true);
            this.left = left;
        }

        @Override
        protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
            if (left-- == 0) {
                throw new OutOfMemoryError("Cannot reserve %d bytes of direct buffer memory".formatted(initialCapacity));
            }
            return UnpooledByteBufAllocator.DEFAULT.directBuffer(initialCapacity, maxCapacity);
        }

        @Override
        protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
            return UnpooledByteBufAllocator.DEFAULT.heapBuffer(initialCapacity, maxCapacity);
        }

        @Override
        public boolean isDirectBufferPooled() {
            return false;
        }
    }

    private static EmbeddedChannel channel(boolean encrypted) throws Exception {
        ChannelInboundHandlerAdapter last = new ChannelInboundHandlerAdapter() {
            @Override
            public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                // That what was never sent went with the channel.
            }
        };
        EmbeddedChannel channel = new EmbeddedChannel(last) {
            @Override
            protected void doWrite(ChannelOutboundBuffer in) {
                // As a socket whose buffer is full.
            }
        };
        if (encrypted) {
            // A server that waits for its client's first word: what is written waits with it.
            SSLEngine engine = SSLContext.getDefault().createSSLEngine();
            engine.setUseClientMode(false);
            channel.pipeline().addFirst(new SslHandler(engine));
        }
        return channel;
    }

    private WalMessages messages(EmbeddedChannel channel) {
        return new WalMessages(channel, cache, Clock.systemUTC(), new SharedFrames(), () -> {});
    }

    private StreamPosition at(Lsn position) {
        return new StreamPosition(cache.end().lineage(), position, Optional.empty(), cache.end());
    }

    private static StandbyProgress progress() {
        return new StandbyProgress(new SessionIdentity(1, "repl", "127.0.0.1", "127.0.0.1:1", "one", false), Clock.systemUTC().instant(), new WrittenTimes());
    }

    /** Wherever it begins, since what is left of a message before it, and the place in its chunk, are different then. */
    @ParameterizedTest
    @CsvSource({"file, true", "file, false", "memory, true", "memory, false"})
    void aStandbyThatTakesNothingCostsNoMoreThanItsShare(String tier, boolean encrypted) throws Exception {
        Lsn first = tier.equals("file") ? START : end.plus(-(900 << 10));
        for (int page = 0; page < 40; page++) {
            Lsn from = first.plus(page * 8192L);
            EmbeddedChannel channel = channel(encrypted);
            StreamPosition position = at(from);
            try (WalMessages messages = messages(channel)) {
                // The first goes up to the page where all that follow begin.
                messages.sendTurn(position, cache.end(), from.plus(100), progress());
                int turns = 0;
                while (messages.sendTurn(position, cache.end(), end, progress()).bytes() > 0) {
                    turns++;
                }
                assertTrue(turns > 0 && position.sent().isBefore(end), "something was sent, and not all");
            }
            long waiting = channel.unsafe().outboundBuffer().totalPendingWriteBytes();
            long chunks = Math.ceilDiv(position.sent().value(), CHUNK) - from.value() / CHUNK;
            long held = encrypted ? waiting : tier.equals("file") ? 0 : chunks * CHUNK;
            long share = encrypted ? 400 << 10 : StandbySettings.SESSION_MEMORY.bytes();
            assertTrue(held <= share, () -> "%s: %d bytes wait, %d chunks".formatted(from, waiting, chunks));
            channel.finishAndReleaseAll();
        }
    }

    /** How many hold what the slice at {@code from} is of: a file, or a piece of the tail. */
    private int holders(Lsn from) throws Exception {
        try (WalCursor cursor = cache.openCursor()) {
            WalSlice slice = cursor.read(cache.end().lineage(), from, end, 8192);
            slice.release();
            return switch (slice) {
                case WalSlice.InFile inFile -> inFile.file().refCnt();
                case WalSlice.InMemory(var bytes) -> bytes.refCnt();
            };
        }
    }

    @ParameterizedTest
    @CsvSource({"file, true, 0", "file, true, 1", "file, false, 0", "memory, true, 0", "memory, false, 0"})
    void holdsNothingAfterAMessageThatThereWasNoMemoryFor(String tier, boolean encrypted, int buffers) throws Exception {
        Lsn from = tier.equals("file") ? START : end.plus(-8192);
        int before = holders(from);
        EmbeddedChannel channel = channel(encrypted);
        channel.config().setAllocator(new Scarce(buffers));
        try (WalMessages messages = messages(channel)) {
            channel.config().setWriteBufferHighWaterMark(1 << 30);
            StandbyProgress progress = progress();
            StreamPosition position = at(from);
            assertThrows(OutOfMemoryError.class, () -> messages.sendTurn(position, cache.end(), end, progress));
        }
        channel.finishAndReleaseAll();
        assertEquals(before, holders(from));
    }
}
