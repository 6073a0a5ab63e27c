package io.walrelay.proxy.shaping;

import io.netty.buffer.Unpooled;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.WalCraft;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;

/** WAL with transactions in it, and a cache that holds it. */
final class Commits {

    static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    static final Lsn START = Lsn.parse("0/1000000");

    private Commits() {}

    static WalCraft craft(long seed) {
        return WalCraft.begin(SEGMENT, new SystemId(7), START, seed);
    }

    /** Adds what a transaction writes when it commits at {@code at}; returns where that record starts. */
    static Lsn commit(WalCraft wal, Instant at) {
        byte[] payload = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).put((byte) 0xFF).put((byte) 8).putLong(PgTime.of(at)).array();
        wal.record(1, 0, payload);
        return wal.recordStarts().getLast();
    }

    static WalCache cache(Path data, WalCraft wal) throws Exception {
        CacheSettings settings = new CacheSettings(1 << 20, 1L << 30, Duration.ofHours(1), SlotLimits.upTo(1L << 30), false);
        WalCache cache = WalCache.create(Tiers.local(new PosixStorage(data), settings), wal.systemId(), wal.segmentSize(), wal.history(), wal.start());
        receive(cache, wal, wal.end());
        return cache;
    }

    static void receive(WalCache cache, WalCraft wal, Lsn to) throws Exception {
        Lsn from = cache.end().written();
        cache.writer().append(from, Unpooled.wrappedBuffer(wal.bytes(from, to)));
        cache.writer().publish();
        cache.writer().flush();
    }
}
