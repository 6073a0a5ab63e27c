package io.walrelay.cache.archive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArchiveNotesTest {

    private static final SystemId SYSTEM = new SystemId(7);
    private static final TimelineHistory LINEAGE = TimelineHistory.root(new TimelineId(1));

    @TempDir
    private Path spool;

    private final MemoryStore store = new MemoryStore();
    private ArchiveNotes notes;

    @BeforeEach
    void open() throws IOException {
        notes = archive().notes();
    }

    private Archive archive() throws IOException {
        return Archive.open(store, new ObjectFormat(Compression.NONE, Optional.empty()), SYSTEM, spool, Optional.empty());
    }

    private static Pin pin(String name, String from) {
        return new Pin(name, LINEAGE, Lsn.parse(from), Instant.parse("2026-11-28T20:15:00Z"), "for a test");
    }

    @Test
    void whatIsSaidIsReadAndTakenBack() throws Exception {
        Pin pin = pin("a", "0/3000028");
        Deletion deletion = new Deletion("relay_1.5", Set.of("1@0_0-12345678/0000000100000000/000000010000000000000003", "x"));
        assertTrue(notes.pin(pin));
        assertFalse(notes.pin(pin("a", "0/4000000")));
        assertTrue(notes.announce(deletion));
        assertFalse(notes.announce(new Deletion("relay_1.5", Set.of())));
        assertEquals(List.of(pin), notes.pins());
        assertEquals(Optional.of(pin), notes.pin("a"));
        assertEquals(List.of(deletion), notes.deletions());
        assertEquals(List.of(), archive().lineages(), "they are no lineages");
        assertEquals(List.of(), ArchiveReader.open(store, new ObjectFormat(Compression.NONE, Optional.empty()), Optional.empty()).lineages(SYSTEM));
        notes.withdraw(deletion);
        assertTrue(notes.unpin("a"));
        assertFalse(notes.unpin("a"));
        assertEquals(List.of(), notes.deletions());
        assertEquals(List.of(), notes.pins());
    }

    /** It is put under its new name after the names were listed, and taken from its old one before that is read. */
    @Test
    void aPinThatMovesMeanwhileIsSeen() throws Exception {
        notes.pin(pin("relay_1.1", "0/3000000"));
        CountDownLatch go = new CountDownLatch(1);
        store.hangFor(key -> key.endsWith("/relay_1.1"), go);
        CompletableFuture<List<Pin>> seen = CompletableFuture.supplyAsync(() -> {
            try {
                return notes.pins();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        while (store.hanging() == 0) {
            LockSupport.parkNanos(1_000_000);
        }
        store.hangFor(key -> false, go);
        Pin moved = pin("relay_1.2", "0/4000000");
        notes.pin(moved);
        notes.unpin("relay_1.1");
        go.countDown();
        assertEquals(List.of(moved), seen.get(10, TimeUnit.SECONDS));
    }

    @Test
    void whereTheArchiveIsNotNothingIsSaidToBeAbsent() {
        store.failFor(key -> key.equals("walrelay-archive"));
        assertThrows(IOException.class, () -> notes.pins());
        assertThrows(IOException.class, () -> notes.pin("a"));
        assertThrows(IOException.class, () -> notes.unpin("a"));
        assertThrows(IOException.class, () -> notes.deletions());
    }
}
