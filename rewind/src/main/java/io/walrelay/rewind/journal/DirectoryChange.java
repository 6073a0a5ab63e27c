package io.walrelay.rewind.journal;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One change of a stopped data directory, all of it or nothing, whatever kills the process or the machine meanwhile.
 *
 * <pre>
 *   begin ──▶ announce, overwrite, truncate, replace … ──▶ commit     the change is durable
 *     ▲               │           │                 └────▶ undo       the directory is byte for byte as it was
 *   resume ◀── kill ──┘           └──▶ close                         half done; servers refuse to start
 * </pre>
 *
 * <p>Between begin and commit {@code postgresql.auto.conf} belongs to this class; its final content is given to {@link #commit}. So does
 * {@code postmaster.pid}. What was there before is durable in the journal before it changes, for which each operation waits, unless it
 * was announced: {@link #announce} many, and they cost one fsync together.
 *
 * <p>After {@link #resume} the directory may be in any state between old and new. So to go forward means to do all of it again, whatever
 * an earlier run may have begun, and to rely on nothing that it did: whole files are replaced, not gone on with. What the journal holds
 * already is what was there at the very beginning, and stays.
 *
 * <p>Any failure leaves it to the caller to {@link #undo}, or to close and resume later. Confined to one thread.
 */
public final class DirectoryChange implements Closeable {

    private enum State {
        CHANGING,
        /** An announcement failed: what the log holds is not known, so nothing may change any more. */
        BROKEN,
        FINISHED
    }

    private final Disk disk;
    private final Home home;
    private final Trees trees;
    private final DirectoryLock lock;
    private final Journal journal;
    private final Configuration configuration;
    private final Locations locations;
    private final Securing securing;
    private final OpenFiles files;
    private final Rebuilds rebuilds;
    private final Departures departures;
    private final SyncBehind syncBehind;

    /** Files that are durable with what was changed, and were not. */
    private final Set<Path> unchanged = new HashSet<>();

    private State state = State.CHANGING;

    private DirectoryChange(Disk disk, Home home, DirectoryLock lock, Journal journal) {
        Path directory = home.directory();
        this.disk = disk;
        this.home = home;
        this.trees = new Trees(disk);
        this.lock = lock;
        this.journal = journal;
        this.configuration = new Configuration(disk, directory);
        this.locations = new Locations(disk, directory);
        this.files = new OpenFiles(disk);
        this.departures = new Departures(disk, journal.originals());
        this.rebuilds = new Rebuilds(disk, journal.originals(), files);
        this.securing = new Securing(disk, journal, locations, files);
        this.syncBehind = new SyncBehind(disk);
    }

    private void undoAfter(Exception failure) {
        try (this) {
            undo();
        } catch (IOException | RuntimeException e) {
            failure.addSuppressed(e);
        }
    }

    /** What is left of an earlier change. Only looks: for a dry run. */
    public static Leftover leftover(Path directory, Optional<Path> journals) throws IOException {
        Disk disk = new PosixDisk();
        return Remains.of(disk, Home.of(disk, directory, journals)).leftover();
    }

    /** What to run when a change of the directory is unfinished, as a line for the shell; what it is to become, or {@code --undo}, comes after it. */
    public static String command(Path directory, Optional<Path> journals) throws IOException {
        return Home.of(new PosixDisk(), directory, journals).command();
    }

    /**
     * Whether neither a server nor another change has the directory at the moment. Only looks.
     *
     * @throws NotStoppedException one has it
     */
    public static void requireStopped(Path directory) throws IOException {
        Disk disk = new PosixDisk();
        DirectoryLock.requireFree(disk, disk.real(directory), new LocalProcesses());
    }

    /** Whether {@code configuration}, of {@code postgresql.auto.conf}, is that of a directory which is half changed. */
    public static boolean isOfUnfinished(byte[] configuration) {
        return Sentinel.isSentinel(configuration);
    }

    /**
     * Takes the directory: checks the space, makes the journal, keeps servers from starting.
     *
     * @param directory PGDATA
     * @param journals where the journal is kept; empty for beside the directory, which has to be the same file system
     * @param plan what {@link #plan} gives back after a {@link #resume}
     * @throws NotStoppedException a server runs on it, or another change
     * @throws NotEnoughSpaceException nothing was touched
     * @throws UnfinishedChangeException {@link #resume} first
     */
    public static DirectoryChange begin(Path directory, Optional<Path> journals, byte[] plan, Space space) throws IOException {
        Disk disk = new PosixDisk();
        return begin(disk, new LocalProcesses(), Home.of(disk, directory, journals), plan, space);
    }

    static DirectoryChange begin(Disk disk, DirectoryLock.Processes processes, Home home, byte[] plan, Space space) throws IOException {
        Path real = home.directory();
        return whileLocked(disk, processes, real, lock -> {
            Remains remains = Remains.of(disk, home);
            if (remains.leftover() == Leftover.UNFINISHED) {
                throw new UnfinishedChangeException("%s is half changed by an earlier run; finish that, or undo it: %s"
                        .formatted(real, home.command()));
            }
            remains.clear();
            boolean apart = !disk.fileSystem(home.place()).equals(disk.fileSystem(real));
            if (apart && !home.chosen()) {
                throw new IOException(("%s is a mount point, and what is beside it may not be there the next time: the old state, which undoes a change, needs a place that"
                        + " stays as long as the directory does; name one: %s --journal DIRECTORY").formatted(real, home.command()));
            }
            new SpaceCheck(disk).require(home.place(), new Locations(disk, real), space, apart);
            Configuration configuration = new Configuration(disk, real);
            Configuration.Original original = configuration.read().orElse(null);
            Journal journal = Journal.create(disk, home, plan, original);
            DirectoryChange change = new DirectoryChange(disk, home, lock, journal);
            try {
                configuration.prepare(Sentinel.of(home), original == null ? Configuration.PRIVATE : original.mode());
                configuration.replaceByPrepared();
                configuration.sync();
            } catch (IOException | RuntimeException e) {
                change.undoAfter(e);
                throw e;
            }
            return Optional.of(change);
        }).orElseThrow();
    }

    /**
     * Takes the directory up again where an earlier change left it.
     *
     * @return empty when there is nothing to resume; what was left of a finished change is gone then
     * @throws NotStoppedException a server runs on it, or another change
     */
    public static Optional<DirectoryChange> resume(Path directory, Optional<Path> journals) throws IOException {
        Disk disk = new PosixDisk();
        return resume(disk, new LocalProcesses(), Home.of(disk, directory, journals));
    }

    static Optional<DirectoryChange> resume(Disk disk, DirectoryLock.Processes processes, Home home) throws IOException {
        if (Remains.of(disk, home).leftover() == Leftover.NONE) {
            return Optional.empty();
        }
        return whileLocked(disk, processes, home.directory(), lock -> {
            Remains remains = Remains.of(disk, home);
            if (remains.leftover() == Leftover.UNFINISHED) {
                return Optional.of(new DirectoryChange(disk, home, lock, remains.open()));
            }
            remains.clear();
            lock.release();
            return Optional.empty();
        });
    }

    /** What begins with having the directory. */
    @FunctionalInterface
    private interface Beginning {
        Optional<DirectoryChange> run(DirectoryLock lock) throws IOException;
    }

    private static Optional<DirectoryChange> whileLocked(Disk disk, DirectoryLock.Processes processes, Path directory, Beginning beginning)
            throws IOException {
        DirectoryLock lock = DirectoryLock.take(disk, directory, processes);
        try {
            return beginning.run(lock);
        } catch (IOException | RuntimeException e) {
            try {
                lock.release();
            } catch (IOException alsoFailed) {
                e.addSuppressed(alsoFailed);
            }
            throw e;
        }
    }

    /** What to run when this is left unfinished, as a line for the shell. */
    public String command() {
        return home.command();
    }

    /** As given to {@link #begin}, by whichever run began. */
    public byte[] plan() {
        return journal.header().plan().clone();
    }

    /** {@code postgresql.auto.conf} as it was at the beginning; empty when there was none. */
    public Optional<byte[]> configuration() {
        return Optional.ofNullable(journal.header().configuration()).map(original -> original.content().clone());
    }

    /**
     * Makes what {@code touches} name durable in the journal with one fsync, so that the operations on them need not wait. Best a few
     * hundred megabytes at a time, with all of a file in one call and its blocks in order: neighbours are read at once, and a file that
     * changes for the most part is not copied into the journal but moved there. What is already held costs nothing. A file whose
     * {@link Touch.Name} is announced is no longer there; it comes back at the commit if nothing was done with its name.
     */
    public void announce(Collection<? extends Touch> touches) throws IOException {
        requireChanging();
        state = State.BROKEN;
        Set<Path> departing = securing.secure(touches);
        journal.log().sync();
        if (!departing.isEmpty()) {
            files.close();
            locations.forget();
            if (!departures.depart(departing).isEmpty()) {
                securing.secureInPlace(touches);
                journal.log().sync();
            }
        }
        state = State.CHANGING;
    }

    private Path announced(Touch touch) throws IOException {
        announce(List.of(touch));
        return locations.of(touch.path()).path();
    }

    /** Writes all of {@code bytes} at {@code offset} of an existing file. */
    public void overwrite(String path, long offset, ByteBuffer bytes) throws IOException {
        requireChanging();
        Path known = locations.of(path).path();
        // Nearly all was announced, and there may be a million blocks.
        Path file = journal.originals().mayOverwrite(known, offset, bytes.remaining()) ? known : announced(new Touch.Bytes(path, offset, bytes.remaining()));
        rebuilds.beforeWrite(file, offset, bytes.remaining());
        files.get(file).write(bytes, offset);
        syncBehind.wrote(file);
    }

    /**
     * Begins to make durable what was overwritten, for the commit to have less to wait for. Best after some hundred megabytes, when what comes next is not
     * the same files.
     *
     * @throws IOException what was overwritten before the last call could not be made durable
     */
    public void syncBehind() throws IOException {
        requireChanging();
        syncBehind.begin();
    }

    /** Cuts a file that is longer than {@code length} bytes. */
    public void truncate(String path, long length) throws IOException {
        Path file = announced(new Touch.Length(path, length));
        rebuilds.beforeTruncate(file, length);
        files.get(file).truncate(length);
    }

    /** A new, empty file under a name that anything may have had, to be filled and closed before the next operation. */
    public NewFile replace(String path, Set<PosixFilePermission> mode) throws IOException {
        Path name = announced(new Touch.Name(path));
        free(name);
        departures.requireDurable(name);
        return new Filling(disk.create(name, mode));
    }

    /** Makes a directory; keeps one that is there. Its parent must exist. */
    public void createDirectory(String path, Set<PosixFilePermission> mode) throws IOException {
        requireChanging();
        Path name = locations.of(path).path();
        if (disk.look(name).filter(found -> found.kind() == Disk.Kind.DIRECTORY).isEmpty()) {
            announced(new Touch.Name(path));
            free(name);
            departures.requireDurable(name);
            disk.createDirectory(name, mode);
        }
    }

    /** Makes a symbolic link, in the place of whatever has the name. */
    public void createLink(String path, Path target) throws IOException {
        Path name = announced(new Touch.Name(path));
        free(name);
        departures.requireDurable(name);
        disk.createLink(name, target);
    }

    /** Removes a file, a link, or a directory with all that is in it; nothing, when there is none. */
    public void remove(String path) throws IOException {
        free(announced(new Touch.Name(path)));
    }

    /** A file is as it should be: it is made durable with what was changed, since whoever wrote it may not have waited for that. */
    public void keep(String path) throws IOException {
        requireChanging();
        unchanged.add(locations.of(path).path());
    }

    /** @param path {@code ""} is the data directory itself */
    public void setMode(String path, Set<PosixFilePermission> mode) throws IOException {
        Path name = announced(new Touch.Mode(path));
        rebuilds.require(name);
        disk.setMode(name, mode);
    }

    /** Frees a name: what is ours is gone, what is not is moved out of the way. */
    private void free(Path name) throws IOException {
        files.close();
        locations.forget();
        rebuilds.give(name);
        departures.use(name);
        if (journal.originals().isOurs(name)) {
            trees.delete(name);
        } else {
            departures.depart(name);
        }
    }

    /**
     * Makes all that was changed durable, then lets servers start, then removes the journal. Once {@code postgresql.auto.conf} is renamed
     * the change is done, and a failure afterwards only says that something is left to clean up; before, {@link #undo} is still possible.
     *
     * @param configuration the final {@code postgresql.auto.conf}
     */
    public void commit(byte[] configuration) throws IOException {
        requireChanging();
        rebuilds.complete();
        departures.bringBack();
        files.close();
        syncBehind.await();
        new Durability(disk, journal.originals()).sync(unchanged);
        journal.freeReserve();
        Configuration.Original original = journal.header().configuration();
        finish(() -> {
            this.configuration.prepare(configuration, original == null ? Configuration.PRIVATE : original.mode());
            journal.beginFinishing();
            this.configuration.replaceByPrepared();
        });
    }

    /** Puts everything back as it was, by this and earlier runs, and removes the journal. A kill meanwhile leaves something to resume. */
    public void undo() throws IOException {
        requireNotFinished();
        // Or it would be told of a disk that loses what is put back, and we would not.
        syncBehind.end();
        files.close();
        locations.forget();
        journal.freeReserve();
        state = State.BROKEN;
        journal.cancelFinishing();
        new Restoration(disk, journal).run();
        Configuration.Original original = journal.header().configuration();
        finish(() -> {
            if (original == null) {
                configuration.discardPrepared();
                journal.beginFinishing();
                configuration.remove();
            } else {
                configuration.prepare(original);
                journal.beginFinishing();
                configuration.replaceByPrepared();
            }
        });
    }

    /** What takes the sentinel away, with its last step. */
    @FunctionalInterface
    private interface Replacement {
        void run() throws IOException;
    }

    /**
     * The end of it. A crash before the replacement is durable leaves a change to resume; behind it, a whole directory with a journal that
     * is only in the way.
     */
    private void finish(Replacement replacement) throws IOException {
        replacement.run();
        state = State.FINISHED;
        try {
            configuration.sync();
            journal.remove();
        } finally {
            lock.release();
        }
    }

    /** Whether servers may start again, however it ended; not so while an {@link #undo} is possible. */
    public boolean isOver() {
        return state == State.FINISHED;
    }

    private void requireChanging() {
        requireNotFinished();
        if (state == State.BROKEN) {
            throw new IllegalStateException("the journal could not be written, or everything is being put back: only undo is left");
        }
    }

    private void requireNotFinished() {
        if (state == State.FINISHED) {
            throw new IllegalStateException("the change is over");
        }
    }

    /** Lets go of the directory. Without {@link #commit} or {@link #undo} it stays half changed, for {@link #resume}. */
    @Override
    public void close() throws IOException {
        syncBehind.end();
        files.close();
        journal.close();
        if (state != State.FINISHED) {
            lock.release();
        }
        state = State.FINISHED;
    }

    /** A file that {@link #replace} made. */
    public interface NewFile extends Closeable {

        /** Appends all of {@code bytes}. */
        void write(ByteBuffer bytes) throws IOException;

        @Override
        void close() throws IOException;
    }

    private static final class Filling implements NewFile {

        private final Disk.File file;
        private long length;

        Filling(Disk.File file) {
            this.file = file;
        }

        @Override
        public void write(ByteBuffer bytes) throws IOException {
            int n = bytes.remaining();
            file.write(bytes, length);
            length += n;
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
