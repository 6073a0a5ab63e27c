package io.walrelay.rewind.datadir;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** Makes a control file, field by field, of what a server writes; a fixture. */
public final class ControlFileCraft {

    private final ByteBuffer file = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
    private final int crc;

    private ControlFileCraft(int version, int catalogVersion, int crc) {
        this.crc = crc;
        for (int i = 0; i < crc; i++) {
            // What nobody looks at has to stay as it is.
            file.put(i, (byte) (i * 7));
        }
        file.putLong(0, 7_000_000_000_000_000_001L)
                .putInt(8, version)
                .putInt(12, catalogVersion)
                .putInt(16, 1)
                .putLong(32, 0x3000060)
                .putLong(40, 0x3000028)
                .putInt(48, 1)
                .putLong(136, 0)
                .putInt(144, 0)
                .putLong(152, 0)
                .putLong(160, 0)
                .put(168, (byte) 0)
                .put(176, (byte) 0)
                .putInt(216, 8192)
                .putInt(220, 131_072)
                .putInt(224, 8192)
                .putInt(228, 16 << 20)
                .putInt(252, 1);
    }

    /** Of a primary of PostgreSQL 15 that was shut down on timeline 1; the layout is the one of 13 to 16, and of 17 as far as it matters. */
    public static ControlFileCraft of15() {
        return new ControlFileCraft(1300, 202209061, 288);
    }

    public static ControlFileCraft of18() {
        return new ControlFileCraft(1800, 202506291, 292);
    }

    public ControlFileCraft state(int number) {
        file.putInt(16, number);
        return this;
    }

    public ControlFileCraft checkpoint(long record, long redo, int timeline) {
        file.putLong(32, record).putLong(40, redo).putInt(48, timeline);
        return this;
    }

    public ControlFileCraft minRecoveryPoint(long at, int timeline) {
        file.putLong(136, at).putInt(144, timeline);
        return this;
    }

    public ControlFileCraft putInt(int offset, int value) {
        file.putInt(offset, value);
        return this;
    }

    public byte[] bytes() {
        CRC32C sum = new CRC32C();
        sum.update(file.array(), 0, crc);
        return file.putInt(crc, (int) sum.getValue()).array().clone();
    }

    public ControlFile read() throws RefusedException {
        return ControlFile.parse("target", bytes());
    }
}
