package io.walrelay.rewind.journal;

import static io.walrelay.rewind.journal.Messages.assertSays;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class DirectoryChangeTest {

    private static final Path DIRECTORY = Scenario.DIRECTORY;

    private final Scenario scenario = new Scenario(5, 4, 100_000);
    private final FragileDisk disk;
    private final Map<Path, String> before;

    DirectoryChangeTest() throws IOException {
        disk = scenario.disk();
        before = scenario.snapshot(disk, true);
    }

    private DirectoryChange begin(Space space) throws IOException {
        return DirectoryChange.begin(disk, Scenario.NO_PROCESSES, Home.beside(DIRECTORY), new byte[0], space);
    }

    private Optional<DirectoryChange> resume() throws IOException {
        return DirectoryChange.resume(disk, Scenario.NO_PROCESSES, Home.beside(DIRECTORY));
    }

    @Test
    void whatIsChangedInsideADirectoryThatThenGoesComesBackWithIt() throws Exception {
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.overwrite("base/2/inner/x", 10, ByteBuffer.wrap(new byte[100]));
            change.truncate("base/2/inner/x", 50);
            change.setMode("base/2/inner", Configuration.PRIVATE);
            fill(change, "base/2/inner/new", 1000);
            change.remove("base/2/1");
            change.remove("base/2");
            change.createDirectory("base/2", Journal.PRIVATE_DIRECTORY);
            fill(change, "base/2/inner", 2000);
            change.undo();
        }
        assertEquals(before, scenario.snapshot(disk, true));
    }

    /** Whoever made it waited neither for its bytes nor for its name. */
    @Test
    void aFileThatIsKeptIsThereAfterACrash() throws Exception {
        try (Disk.File file = disk.create(DIRECTORY.resolve("base/0/young"), Configuration.PRIVATE)) {
            file.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 0);
        }
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.keep("base/0/young");
            change.commit(new byte[0]);
        }
        for (int seed = 0; seed < 20; seed++) {
            assertTrue(disk.crash(seed).look(DIRECTORY.resolve("base/0/young")).isPresent(), "seed " + seed);
        }
    }

    @Test
    void aLinkIsReplacedWithoutTouchingWhatItLeadsTo() throws Exception {
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.remove("pg_tblspc/16384/PG_15/0");
            change.createLink("pg_tblspc/16384", Path.of("/wal"));
            fill(change, "pg_tblspc/16384/pg/new", 10);
            assertTrue(disk.look(Path.of("/wal/pg/new")).isPresent());
            change.undo();
        }
        assertEquals(before, scenario.snapshot(disk, true));
    }

    @Test
    void aFileThatMostlyChangesIsMadeAnewOfOldAndNewBytes() throws Exception {
        byte[] wanted = read("base/0/large");
        Arrays.fill(wanted, 5_000, 250_000, (byte) 7);
        Arrays.fill(wanted, 260_001, 260_003, (byte) 7);
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.announce(List.of(new Touch.Bytes("base/0/large", 0, 290_000)));
            assertEquals(1, disk.list(Home.beside(DIRECTORY).journal().resolve("kept")).size());
            change.overwrite("base/0/large", 5_000, filled(245_000));
            change.overwrite("base/0/large", 260_001, filled(2));
        }
        try (DirectoryChange change = resume().orElseThrow()) {
            change.overwrite("base/0/large", 260_001, filled(2));
            change.overwrite("base/0/large", 5_000, filled(245_000));
            change.commit(new byte[0]);
        }
        assertArrayEquals(wanted, read("base/0/large"));
    }

    @Test
    void aFileOfWhichNothingChangesAfterAllIsAsItWas() throws Exception {
        byte[] wanted = read("base/0/large");
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.announce(List.of(new Touch.Bytes("base/0/large", 0, 300_000)));
            change.commit(new byte[0]);
        }
        assertArrayEquals(wanted, read("base/0/large"));
    }

    @Test
    void aFileThatIsOnlyMadeLongerIsChangedWhereItIs() throws Exception {
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.announce(List.of(new Touch.Bytes("base/0/large", 290_000, 600_000)));
            assertEquals(List.of(), disk.list(Home.beside(DIRECTORY).journal().resolve("kept")));
            change.undo();
        }
    }

    @Test
    void whatWasAnnouncedInVainComesBackAtTheCommit() throws Exception {
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.announce(List.of(
                    new Touch.Name("base/1/0"), new Touch.Name("base/1/1"), new Touch.Name("base/2"), new Touch.Name("pg_wal"), new Touch.Name("base/1/none")));
            fill(change, "base/1/1", 10);
            Optional<byte[]> configuration = change.configuration();
            change.commit(configuration.orElse(new byte[0]));
        }
        Set<String> different = new TreeSet<>();
        FragileDisk after = disk.crash(1);
        scenario.snapshot(after, true).forEach((path, found) -> {
            if (!found.equals(before.get(path))) {
                different.add(path.toString());
            }
        });
        assertEquals(Set.of("disk/pg/base/1/1", "disk/pg/postgresql.auto.conf"), different);
        assertEquals(Disk.Kind.DIRECTORY, after.look(DIRECTORY.resolve("base/2")).orElseThrow().kind());
    }

    private byte[] read(String path) throws IOException {
        try (Disk.File file = disk.openToRead(DIRECTORY.resolve(path))) {
            byte[] content = new byte[(int) file.size()];
            file.read(ByteBuffer.wrap(content), 0);
            return content;
        }
    }

    private static ByteBuffer filled(int length) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) 7);
        return ByteBuffer.wrap(bytes);
    }

    @Test
    void aTablespaceIsRemovedThroughItsLinkAlthoughAllIsAnnouncedBefore() throws Exception {
        List<String> paths = List.of(
                "pg_tblspc/16384/PG_15/0", "pg_tblspc/16384/PG_15/1", "pg_tblspc/16384/PG_15/2", "pg_tblspc/16384/PG_15/3", "pg_tblspc/16384/PG_15", "pg_tblspc/16384");
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.announce(paths.stream().map(Touch.Name::new).toList());
            for (String path : paths) {
                change.remove(path);
            }
            assertEquals(List.of(), disk.list(Path.of("/ts/one")));
            assertTrue(disk.look(DIRECTORY.resolve("pg_tblspc/16384")).isEmpty());
            change.undo();
        }
        assertEquals(before, scenario.snapshot(disk, true));
    }

    @Test
    void theFirstOldBytesStayWhateverIsDoneAgain() throws Exception {
        for (int run = 0; run < 3; run++) {
            try (DirectoryChange change = run == 0 ? begin(Space.LITTLE) : resume().orElseThrow()) {
                change.truncate("base/2/inner/x", 9000L * run);
                change.overwrite("base/2/inner/x", 9000L * run, ByteBuffer.wrap(new byte[30_000]));
            }
        }
        try (DirectoryChange change = resume().orElseThrow()) {
            change.undo();
        }
        assertEquals(before, scenario.snapshot(disk, true));
    }

    @Test
    void aDiskThatFillsUpAnywhereLeavesEnoughRoomToUndo() throws Exception {
        int failures = 0;
        for (long room = 70_000; room < 2_500_000; room += 50_000) {
            FragileDisk small = scenario.disk();
            small.limitRoom(Path.of("/disk"), room);
            // So that the check finds nothing: others may fill a disk after it.
            small.claimFree(Long.MAX_VALUE / 2);
            try (DirectoryChange change = DirectoryChange.begin(small, Scenario.NO_PROCESSES, Home.beside(DIRECTORY), new byte[0], Space.LITTLE)) {
                try {
                    scenario.apply(change);
                } catch (IOException full) {
                    assertEquals("No space left on device", full.getMessage());
                    failures++;
                }
                change.undo();
            }
            assertEquals(before, scenario.snapshot(small, true), "room for %d bytes".formatted(room));
        }
        assertTrue(failures > 5, failures + " failures");
    }

    @Test
    void aJournalThatCouldNotBeSyncedAllowsNothingButUndoing() throws Exception {
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.remove("base/1/0");
            disk.failNextSync(path -> path.endsWith("log"));
            assertThrows(IOException.class, () -> change.overwrite("base/2/inner/x", 0, ByteBuffer.wrap(new byte[10])));
            assertThrows(IllegalStateException.class, () -> change.overwrite("base/2/inner/x", 0, ByteBuffer.wrap(new byte[10])));
            assertThrows(IllegalStateException.class, () -> change.commit(new byte[0]));
            change.undo();
        }
        assertEquals(before, scenario.snapshot(disk, true));
    }

    /** A disk says once that it has lost what was written. */
    @Test
    void whatCouldNotBeMadeDurableBehindIsNotCommitted() throws Exception {
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.announce(List.of(new Touch.Bytes("base/2/inner/x", 0, 10)));
            change.overwrite("base/2/inner/x", 0, ByteBuffer.wrap(new byte[10]));
            disk.failNextSync(path -> path.endsWith("x"));
            assertThrows(IOException.class, change::syncBehind);
            change.undo();
        }
        assertEquals(before, scenario.snapshot(disk, true));
    }

    /** Each sync of a commit fails once: before the end all can be put back, and after it all is there. */
    @Test
    void aCommitThatFailsIsUndoneOrWasDone() throws Exception {
        FragileDisk whole = scenario.disk();
        try (DirectoryChange change = begin(whole)) {
            scenario.apply(change);
            change.commit(scenario.configuration());
        }
        Map<Path, String> after = scenario.snapshot(whole, true);
        int undone = 0;
        int done = 0;
        for (int failing = 0; undone + done == failing; failing++) {
            FragileDisk failed = scenario.disk();
            try (DirectoryChange change = begin(failed)) {
                scenario.apply(change);
                int number = failing;
                AtomicInteger syncs = new AtomicInteger();
                failed.failNextSync(_ -> syncs.getAndIncrement() == number);
                try {
                    change.commit(scenario.configuration());
                } catch (IOException e) {
                    if (change.isOver()) {
                        done++;
                    } else {
                        change.undo();
                        undone++;
                        assertEquals(before, scenario.snapshot(failed, true), "sync %d".formatted(number));
                    }
                }
                failed.failNextSync(_ -> false);
            }
            assertTrue(DirectoryChange.resume(failed, Scenario.NO_PROCESSES, Home.beside(DIRECTORY)).isEmpty());
            if (undone + done <= failing || done > 0) {
                assertEquals(after, scenario.snapshot(failed, true), "sync %d".formatted(failing));
            }
        }
        assertTrue(undone > 5 && done > 1, "%d undone, %d done".formatted(undone, done));
    }

    private static DirectoryChange begin(FragileDisk disk) throws IOException {
        return DirectoryChange.begin(disk, Scenario.NO_PROCESSES, Home.beside(DIRECTORY), new byte[0], Space.LITTLE);
    }

    @Test
    void aBeginningThatFailsLeavesNothing() throws Exception {
        disk.failNextSync(DIRECTORY::equals);
        assertThrows(IOException.class, () -> begin(Space.LITTLE));
        assertTrue(resume().isEmpty());
        assertEquals(before, scenario.snapshot(disk, true));
    }

    @Test
    void spaceIsCheckedOnEachFileSystemBeforeAnythingIsTouched() throws Exception {
        disk.limitRoom(Path.of("/disk"), 200 << 20);
        disk.limitRoom((Path) disk.fileSystem(Path.of("/ts/one")), 200 << 20);
        assertSays("file system of /disk", assertThrows(NotEnoughSpaceException.class, () -> begin(new Space(300 << 20, 0, Map.of()))));
        Space tablespace = new Space(0, 0, Map.of("pg_tblspc/16384", 300L << 20));
        assertSays("file system of /ts", assertThrows(NotEnoughSpaceException.class, () -> begin(tablespace)));
        assertEquals(before, scenario.snapshot(disk, true));
    }

    /** As in a container, where beside its volume is what goes with it. */
    @Test
    void beTheDirectoryAMountPointTheJournalIsWhereItIsTold() throws Exception {
        disk.mount(DIRECTORY);
        assertSays("name one: walrelay rewind -D /disk/pg --journal DIRECTORY", assertThrows(IOException.class, () -> begin(Space.LITTLE)));
        assertEquals(before, scenario.snapshot(disk, true));

        disk.createDirectory(Path.of("/safe"), Journal.PRIVATE_DIRECTORY);
        disk.mount(Path.of("/safe"));
        Home home = Home.of(disk, DIRECTORY, Optional.of(Path.of("/safe")));
        try (DirectoryChange change = DirectoryChange.begin(disk, Scenario.NO_PROCESSES, home, new byte[0], Space.LITTLE)) {
            scenario.apply(change);
            assertEquals("walrelay rewind -D /disk/pg --journal /safe", change.command());
        }
        assertSays("is not there; bring it back, name its place with --journal", assertThrows(IOException.class, this::resume));
        try (DirectoryChange change = DirectoryChange.resume(disk, Scenario.NO_PROCESSES, home).orElseThrow()) {
            change.undo();
        }
        assertEquals(List.of(), disk.list(Path.of("/safe")));
        disk.delete(Path.of("/safe"));
        assertEquals(before, scenario.snapshot(disk, true));
    }

    /** What would be renamed into a journal on the same file system is copied into this one. */
    @Test
    void aJournalOnAnotherFileSystemNeedsRoomForWholeFiles() throws Exception {
        disk.createDirectory(Path.of("/safe"), Journal.PRIVATE_DIRECTORY);
        disk.mount(Path.of("/safe"));
        disk.limitRoom(Path.of("/safe"), 200 << 20);
        Space whole = new Space(0, 300 << 20, Map.of());
        Home home = Home.of(disk, DIRECTORY, Optional.of(Path.of("/safe")));
        assertSays("file system of /safe", assertThrows(NotEnoughSpaceException.class, () ->
                DirectoryChange.begin(disk, Scenario.NO_PROCESSES, home, new byte[0], whole)));
        disk.limitRoom(Path.of("/disk"), 200 << 20);
        begin(whole).close();
    }

    @Test
    void planAndConfigurationAreThereAfterAResume() throws Exception {
        byte[] plan = "blocks".getBytes(StandardCharsets.UTF_8);
        Optional<byte[]> old = new Configuration(disk, DIRECTORY).read().map(Configuration.Original::content);
        DirectoryChange.begin(disk, Scenario.NO_PROCESSES, Home.beside(DIRECTORY), plan, Space.LITTLE).close();
        assertThrows(UnfinishedChangeException.class, () -> begin(Space.LITTLE));
        try (DirectoryChange change = resume().orElseThrow()) {
            assertArrayEquals(plan, change.plan());
            assertEquals(old.map(String::new), change.configuration().map(String::new));
            change.undo();
        }
        assertTrue(resume().isEmpty());
    }

    @Test
    void aConfigurationThatSomebodyWroteMeanwhileIsNoEndOfTheChange() throws Exception {
        begin(Space.LITTLE).close();
        Configuration configuration = new Configuration(disk, DIRECTORY);
        configuration.prepare("by hand".getBytes(StandardCharsets.UTF_8), Configuration.PRIVATE);
        configuration.replaceByPrepared();
        assertSays(
                "put the line include '/UNFINISHED REWIND, run: walrelay rewind -D /disk/pg' back",
                assertThrows(IOException.class, this::resume));
    }

    @Test
    void aSentinelWithoutItsJournalIsAnError() throws Exception {
        begin(Space.LITTLE).close();
        new Trees(disk).delete(Home.beside(DIRECTORY).journal());
        assertSays("/disk/pg.walrelay-rewind is not there", assertThrows(IOException.class, this::resume));
    }

    @Test
    void pathsOutsideAndThoseOfTheChangeItselfAreRefused() throws Exception {
        try (DirectoryChange change = begin(Space.LITTLE)) {
            change.undo();
        }
        for (String path : List.of("../pg2/x", "/etc/passwd", "base/../../x", "postgresql.auto.conf", "postmaster.pid", "")) {
            try (DirectoryChange change = begin(Space.LITTLE)) {
                assertThrows(IllegalArgumentException.class, () -> change.remove(path), path);
                change.undo();
            }
        }
        assertEquals(before, scenario.snapshot(disk, true));
    }

    @Test
    void theNoteOfTheLastRewindIsPartOfTheChange() throws Exception {
        try (DirectoryChange change = begin(Space.LITTLE)) {
            new LastRewind(new byte[] {1, 2, 3}).write(change);
            change.commit(new byte[0]);
        }
        assertEquals(Disk.Kind.FILE, disk.look(DIRECTORY.resolve(LastRewind.NAME)).orElseThrow().kind());
        assertEquals(23, disk.look(DIRECTORY.resolve(LastRewind.NAME)).orElseThrow().size());
    }

    @Test
    void nothingIsLeftBeside() throws Exception {
        Set<Path> siblings = Set.copyOf(disk.list(Disk.parentOf(DIRECTORY)));
        try (DirectoryChange change = begin(Space.LITTLE)) {
            scenario.apply(change);
            assertFalse(siblings.containsAll(disk.list(Disk.parentOf(DIRECTORY))));
            change.commit(scenario.configuration());
        }
        assertEquals(siblings, Set.copyOf(disk.list(Disk.parentOf(DIRECTORY))));
    }

    private static void fill(DirectoryChange change, String path, int length) throws IOException {
        try (DirectoryChange.NewFile file = change.replace(path, Configuration.PRIVATE)) {
            file.write(ByteBuffer.wrap(new byte[length]));
        }
    }
}
