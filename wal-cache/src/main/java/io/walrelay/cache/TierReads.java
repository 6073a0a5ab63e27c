package io.walrelay.cache;

import java.util.concurrent.atomic.LongAdder;

/** How much WAL was read for standbys since the start, by where it lay. Thread-safe. */
public final class TierReads {

    private final LongAdder memory = new LongAdder();
    private final LongAdder disk = new LongAdder();
    private final LongAdder archive = new LongAdder();

    /** Bytes of each tier. */
    public record Bytes(long memory, long disk, long archive) {}

    void fromMemory(int bytes) {
        memory.add(bytes);
    }

    void fromDisk(int bytes) {
        disk.add(bytes);
    }

    void fromArchive(int bytes) {
        archive.add(bytes);
    }

    public Bytes bytes() {
        return new Bytes(memory.sum(), disk.sum(), archive.sum());
    }
}
