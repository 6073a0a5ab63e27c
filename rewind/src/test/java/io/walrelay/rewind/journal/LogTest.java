package io.walrelay.rewind.journal;

import static io.walrelay.rewind.journal.Messages.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LogTest {

    private static final Path LOG = Path.of("/log");
    private static final Path FILE = Path.of("/file");

    private final FragileDisk disk = new FragileDisk();

    @Test
    void oldBytesOfManyFramesComeBack() throws Exception {
        byte[] content = Contents.random(new Random(1), 5_000_000);
        Disk.File file = create(FILE, content);
        try (Log log = new Log(create(LOG, new byte[0]), 7)) {
            for (int at = 0; at < content.length; at += Log.LONGEST_RUN) {
                log.appendOldBytes(FILE, file, at, Math.min(Log.LONGEST_RUN, content.length - at));
            }
            log.sync();
        }
        byte[] read = new byte[content.length];
        try (Log log = new Log(disk.open(LOG), 7)) {
            log.read(found -> {
                LogRecord.OldBytes old = (LogRecord.OldBytes) found;
                old.bytes().get(read, (int) old.offset(), old.bytes().remaining());
            });
        }
        assertEquals(Contents.describe(content), Contents.describe(read));
    }

    @Test
    void aFrameThatCouldNotBeWrittenIsNeverTakenForSynced() throws Exception {
        try (Log log = new Log(create(LOG, new byte[0]), 7)) {
            disk.limitRoom(Path.of("/"), 20);
            log.append(new LogRecord.Absent(Path.of("/a")));
            assertThrows(IOException.class, log::sync);
            disk.limitRoom(Path.of("/"), 1_000_000);
            assertThrows(IOException.class, log::sync);
        }
        assertEquals(List.of(), read(7));
    }

    /** By the thread that writes frames while others are filled; none of it counts then, and nothing more is taken for synced. */
    @Test
    void aFrameThatCouldNotBeWrittenIsSaidAtTheLatestBySync() throws Exception {
        Disk.File file = create(FILE, new byte[5_000_000]);
        try (Log log = new Log(create(LOG, new byte[0]), 7)) {
            log.append(new LogRecord.Absent(Path.of("/a")));
            log.sync();
            disk.limitRoom(Path.of("/"), 100_000);
            assertThrows(IOException.class, () -> {
                for (int at = 0; at + Log.LONGEST_RUN < 5_000_000; at += Log.LONGEST_RUN) {
                    log.appendOldBytes(FILE, file, at, Log.LONGEST_RUN);
                }
                log.sync();
            });
            assertThrows(IOException.class, log::sync);
        }
        assertEquals(List.of(new LogRecord.Absent(Path.of("/a"))), read(7));
    }

    @Test
    void aFrameThatIsNotWholeEndsTheLogWhereverItIsTorn() throws Exception {
        for (int damaged : new int[] {0, 12, 20, 30, 37, 41, 46}) {
            disk.look(LOG).ifPresent(_ -> delete(LOG));
            try (Log log = new Log(create(LOG, new byte[0]), 7)) {
                log.append(new LogRecord.Absent(Path.of("/a")));
                log.sync();
                log.append(new LogRecord.Absent(Path.of("/b")));
                log.sync();
            }
            flip(4096 + damaged);
            assertEquals(List.of(new LogRecord.Absent(Path.of("/a"))), read(7));
        }
    }

    @Test
    void damageToWhatWasSyncedIsToldFromATornEnd() throws Exception {
        try (Log log = new Log(create(LOG, new byte[0]), 7)) {
            for (String name : List.of("/a", "/b", "/c")) {
                log.append(new LogRecord.Absent(Path.of(name)));
                log.sync();
            }
        }
        flip(4096 + 44);
        assertSays("damaged at byte 4096", assertThrows(IOException.class, () -> read(7)));
    }

    @Test
    void framesOfAnotherJournalCountForNothing() throws Exception {
        try (Log log = new Log(create(LOG, new byte[0]), 7)) {
            log.append(new LogRecord.Absent(Path.of("/a")));
            log.sync();
        }
        assertEquals(List.of(), read(8));
    }

    @Test
    void whatIsAppendedAfterATornEndFollowsWhatWasWhole() throws Exception {
        try (Log log = new Log(create(LOG, new byte[0]), 7)) {
            log.append(new LogRecord.Absent(Path.of("/a")));
            log.sync();
            log.append(new LogRecord.Absent(Path.of("/torn")));
            log.sync();
        }
        flip(4096 + 45);
        try (Log log = new Log(disk.open(LOG), 7)) {
            log.read(_ -> {});
            log.prepareForWriting();
            log.append(new LogRecord.Absent(Path.of("/b")));
            log.sync();
        }
        assertEquals(List.of(new LogRecord.Absent(Path.of("/a")), new LogRecord.Absent(Path.of("/b"))), read(7));
    }

    private List<LogRecord> read(long journal) throws IOException {
        List<LogRecord> all = new ArrayList<>();
        try (Log log = new Log(disk.open(LOG), journal)) {
            log.read(all::add);
        }
        return all;
    }

    private void flip(int offset) throws IOException {
        try (Disk.File file = disk.open(LOG)) {
            ByteBuffer octet = ByteBuffer.allocate(1);
            file.read(octet, offset);
            file.write(octet.put(0, (byte) ~octet.get(0)).flip(), offset);
        }
    }

    private void delete(Path path) {
        try {
            disk.delete(path);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Disk.File create(Path path, byte[] content) throws IOException {
        Disk.File file = disk.create(path, Configuration.PRIVATE);
        file.write(ByteBuffer.wrap(content), 0);
        return file;
    }
}
