package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;

/** Makes one record, field by field, of what a server would write; nothing is checked, so a test can make a bad one. */
final class RecordCraft {

    static final Lsn START = Lsn.parse("0/1000028");

    private static final HexFormat HEX = HexFormat.of();

    private final ByteBuffer headers = ByteBuffer.allocate(4_096).order(ByteOrder.LITTLE_ENDIAN);
    private final ByteBuffer data = ByteBuffer.allocate(300_000).order(ByteOrder.LITTLE_ENDIAN);
    private final int resourceManager;
    private final int info;

    RecordCraft(int resourceManager, int info) {
        this.resourceManager = resourceManager;
        this.info = info;
    }

    /** Bytes of the headers, as a hex dump has them: blanks count for nothing. */
    RecordCraft headers(String hex) {
        headers.put(HEX.parseHex(hex.replace(" ", "")));
        return this;
    }

    /** Bytes that belong to a block: its image, its data. */
    RecordCraft data(byte[] bytes) {
        data.put(bytes);
        return this;
    }

    /** Main data of less than 256 bytes, which ends the headers. */
    RecordCraft main(String hex) {
        byte[] bytes = HEX.parseHex(hex.replace(" ", ""));
        headers.put((byte) 255).put((byte) bytes.length);
        data.put(bytes);
        return this;
    }

    /** Main data of any length, which ends the headers. */
    RecordCraft longMain(byte[] bytes) {
        headers.put((byte) 254).putInt(bytes.length);
        data.put(bytes);
        return this;
    }

    byte[] bytes() {
        int total = RecordHeader.SIZE + headers.position() + data.position();
        return ByteBuffer.allocate(total)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(total)
                .putInt(777)
                .putLong(0x1000000)
                .put((byte) info)
                .put((byte) resourceManager)
                .position(RecordHeader.SIZE)
                .put(headers.array(), 0, headers.position())
                .put(data.array(), 0, data.position())
                .array();
    }

    WalRecord read(WalVersion version) throws MalformedRecordException {
        byte[] bytes = bytes();
        WalRecord record = new WalRecord();
        record.read(version, START, bytes, 0, bytes.length);
        return record;
    }
}
