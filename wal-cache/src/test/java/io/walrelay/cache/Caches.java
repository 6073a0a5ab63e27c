package io.walrelay.cache;

import io.netty.buffer.Unpooled;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** What the tests of the cache share: small segments, known WAL, and how to put it in and get it out. */
final class Caches {

    static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    static final int MB = 1 << 20;
    static final SystemId SYSTEM = new SystemId(7);
    static final Lsn ORIGIN = Lsn.parse("0/1000000");
    static final CacheSettings SETTINGS = new CacheSettings(MB, 1L << 40, Duration.ofHours(1), SlotLimits.upTo(1L << 40), false);

    private Caches() {}

    static WalCraft craft(long seed) {
        return WalCraft.begin(SEGMENT, SYSTEM, ORIGIN, seed);
    }

    static WalCache create(Storage storage, WalCraft wal, Lsn start) throws IOException {
        return WalCache.create(Tiers.local(storage, SETTINGS), SYSTEM, SEGMENT, wal.history(), start);
    }

    static WalCache reopen(Storage storage) throws IOException {
        return WalCache.open(Tiers.local(storage, SETTINGS)).orElseThrow();
    }

    /** Offers the true bytes from {@code from} up to {@code to}. */
    static void append(WalCache cache, WalCraft wal, Lsn from, Lsn to) throws IOException, DivergentWalException {
        if (to.isAfter(from)) {
            cache.writer().append(from, Unpooled.wrappedBuffer(wal.bytes(from, to)));
        }
    }

    /** All bytes from {@code from} up to {@code to} as a session of {@code lineage} would get them, by a cursor. */
    static byte[] read(WalCache cache, TimelineHistory lineage, Lsn from, Lsn to, int atMost) throws IOException, WalNotHeldException, WalOnItsWayException, TimelineChangingException {
        ByteBuffer all = ByteBuffer.allocate((int) to.minus(from));
        try (WalCursor cursor = cache.openCursor()) {
            while (all.hasRemaining()) {
                copy(cursor.read(lineage, from.plus(all.position()), to, atMost), all);
            }
        }
        return all.array();
    }

    static void copy(WalSlice slice, ByteBuffer into) throws IOException {
        try {
            switch (slice) {
                case WalSlice.InMemory memory -> into.put(memory.bytes().nioBuffer());
                case WalSlice.InFile file -> {
                    int end = into.position() + file.length();
                    int n = file.file().read(into.slice(into.position(), file.length()), file.offset());
                    if (n != file.length()) {
                        throw new IOException("only %d bytes of %s".formatted(n, file));
                    }
                    into.position(end);
                }
            }
        } finally {
            slice.release();
        }
    }

    static byte[] historyText(TimelineHistory history) {
        return history.format().getBytes(StandardCharsets.US_ASCII);
    }
}
