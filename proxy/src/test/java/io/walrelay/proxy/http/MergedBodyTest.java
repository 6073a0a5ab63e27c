package io.walrelay.proxy.http;

import static io.walrelay.proxy.http.WalServer.MB;
import static io.walrelay.proxy.http.WalServer.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.ChangeIndex;
import io.walrelay.wal.format.WalCraft;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** However much changes, little of it is held, and little is sent at once. */
class MergedBodyTest {

    private static final Pattern RANGES = Pattern.compile("_blocks\":\"([0-9,-]+)\"");
    private static final int REFERENCES = 32;
    private static final int SAME_RELATION = 0x80;

    /** One line may be longer than what is sent at once, but not by much. */
    private static final int LARGEST_PIECE = 3 << 16;

    @TempDir
    private Path directory;

    private final WalCraft wal = WalServer.craft(1);

    /** Every fourth block from {@code first} on (xlogrecord.h). */
    private void change(int first) {
        ByteBuffer body = ByteBuffer.allocate(12 + 8 * REFERENCES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < REFERENCES; i++) {
            body.put((byte) i).put((byte) (i == 0 ? 0 : SAME_RELATION)).putShort((short) 0);
            if (i == 0) {
                body.putInt(1663).putInt(5).putInt(16384);
            }
            body.putInt(first + 4 * i);
        }
        wal.record(10, 0, body.array());
    }

    private List<String> pieces() throws Exception {
        List<String> pieces = new ArrayList<>();
        try (WalServer server = WalServer.holding(directory, Optional.empty(), wal, ORIGIN);
                ChangeIndex.Stretch stretch = (ChangeIndex.Stretch) server.cache().changeIndex().changes(wal.history(), ORIGIN, wal.end())) {
            AtomicInteger closed = new AtomicInteger();
            MergedBody body = new MergedBody(stretch, wal.end(), closed::incrementAndGet);
            for (Optional<byte[]> piece = body.next(); piece.isPresent(); piece = body.next()) {
                pieces.add(new String(piece.get(), StandardCharsets.US_ASCII));
            }
            assertEquals(0, closed.get());
            body.close();
            body.close();
            assertEquals(1, closed.get());
        }
        assertTrue(pieces.getLast().endsWith("{\"end\":true,\"to\":\"%s\"}\n".formatted(wal.end())), pieces.getLast());
        pieces.forEach(piece -> assertTrue(piece.length() <= LARGEST_PIECE, () -> piece.length() + " bytes"));
        return pieces;
    }

    /** None lies beside another, so each is a range: after half a million of them some are sent, though the groups are few. */
    @Test
    void rangesAreSentBeforeTheyAreTooMany() throws Exception {
        int blocks = 0;
        while (wal.end().isBefore(ORIGIN.plus(17 * MB))) {
            change(4 * blocks);
            blocks += REFERENCES;
        }
        List<String> pieces = pieces();
        BitSet said = new BitSet();
        for (String piece : pieces) {
            for (Matcher ranges = RANGES.matcher(piece); ranges.find(); ) {
                BlockRanges.read(ranges.group(1).toCharArray(), 0, ranges.group(1).length(), (first, count) -> said.set(first, first + (int) count));
            }
        }
        assertEquals(blocks, said.cardinality());
        assertTrue(said.stream().allMatch(block -> block % 4 == 0));
        assertTrue(pieces.getFirst().length() > 1, "nothing was sent of the first 16 segments");
    }

    /** storage_xlog.h, xl_smgr_create */
    @Test
    void changesOfFilesAreNotPiledUp() throws Exception {
        int files = 0;
        while (wal.end().isBefore(ORIGIN.plus(MB / 2))) {
            ByteBuffer body = ByteBuffer.allocate(18).order(ByteOrder.LITTLE_ENDIAN);
            wal.record(2, 0x11, body.put((byte) 255).put((byte) 16).putInt(1663).putInt(5).putInt(files++).putInt(0).array());
        }
        List<String> pieces = pieces();
        assertEquals(files, String.join("", pieces).split("relation_created", -1).length - 1);
        assertTrue(pieces.size() > 4, () -> pieces.size() + " pieces");
    }

    /** So that who waits sees that somebody is at it, and who makes it that somebody waits. */
    @Test
    void whileThereIsNothingToSayALineIsSent() throws Exception {
        while (wal.end().isBefore(ORIGIN.plus(17 * MB))) {
            wal.record(10, 0, ByteBuffer.allocate(500_005).order(ByteOrder.LITTLE_ENDIAN).put((byte) 254).putInt(500_000).array());
        }
        List<String> pieces = pieces();
        assertEquals("\n", pieces.getFirst());
        assertEquals(2, pieces.size());
    }
}
