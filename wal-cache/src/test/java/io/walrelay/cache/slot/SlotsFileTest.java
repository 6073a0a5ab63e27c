package io.walrelay.cache.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of the versions before, and of one to come. */
final class SlotsFileTest {

    private final DurableFiles files = new DurableFiles(new CrashableStorage());

    private void write(int version, ByteBuffer body) throws IOException {
        byte[] bytes = new byte[body.position()];
        body.flip().get(bytes);
        files.write("slots", new DurableFiles.Format("WALSLOTS", version), bytes);
    }

    /** Count, then for each slot: name, restart, furthest, lost; from version 2 on xmin and catalog_xmin. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void readsFilesOfVersionsBefore(int version) throws IOException {
        Lsn restart = Lsn.parse("0/3000000");
        Lsn furthest = Lsn.parse("0/3000060");
        ByteBuffer body = ByteBuffer.allocate(100).putInt(2);
        for (String name : List.of("a", "b")) {
            body.putShort((short) 1).put((byte) name.charAt(0)).putLong(restart.value()).putLong(furthest.value()).put((byte) (name.equals("b") ? 1 : 0));
            if (version == 2) {
                body.putLong(7).putLong(8);
            }
        }
        write(version, body);

        SlotsFile read = SlotsFile.read(files);
        assertEquals("", read.relayId());
        Xmins xmins = version == 2 ? new Xmins(new FullTransactionId(7), new FullTransactionId(8)) : Xmins.NONE;
        assertEquals(List.of(Slot.saved("a", restart, furthest, false, xmins), Slot.saved("b", restart, furthest, true, xmins)), read.slots());
    }

    @Test
    void refusesOneOfAVersionToCome() throws IOException {
        write(4, ByteBuffer.allocate(4).putInt(0));
        IOException refused = assertThrows(IOException.class, () -> SlotsFile.read(files));
        assertEquals("slots has format version 4; expected 1 to 3", refused.getMessage());
    }
}
