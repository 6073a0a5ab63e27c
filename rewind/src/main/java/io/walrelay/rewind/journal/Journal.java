package io.walrelay.rewind.journal;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The directory, beside PGDATA or where its {@link Home} says, that holds what was there before.
 *
 * <pre>
 *   begun       what the change is, with the old postgresql.auto.conf; while it is missing the journal counts for nothing
 *   log         old bytes, lengths, modes, and which names were absent ({@link Log})
 *   kept/N      what was moved out of the way
 *   reserve     room for what undoing writes when the disk is full
 *   finishing   is there when the sentinel may be replaced
 * </pre>
 *
 * <p>What a directory on another file system loses is kept beside that ({@link #sideStore}), where it can be renamed to.
 */
final class Journal implements Closeable {

    static final Set<PosixFilePermission> PRIVATE_DIRECTORY = PosixFilePermissions.fromString("rwx------");

    private static final StateFile FORMAT = new StateFile("WALRREWJ", 1);
    private static final int RESERVE = 1 << 16;

    /**
     * What a journal was begun with.
     *
     * @param id a random number
     * @param directory PGDATA, a real path
     * @param configuration null when there was none
     */
    @SuppressWarnings("ArrayRecordComponent") // Compared by nobody.
    record Header(long id, Path directory, byte[] plan, Configuration.@Nullable Original configuration) {}

    private final Disk disk;
    private final Path path;
    private final Header header;
    private final Log log;
    private final Originals originals = new Originals();

    private Journal(Disk disk, Path path, Header header) throws IOException {
        this.disk = disk;
        this.path = path;
        this.header = header;
        this.log = new Log(disk.openForBlocks(path.resolve("log")), header.id);
    }

    /** Makes a journal, durably. What an interrupted attempt left is replaced. */
    static Journal create(Disk disk, Home home, byte[] plan, Configuration.@Nullable Original configuration) throws IOException {
        Path path = home.journal();
        discard(disk, path);
        try {
            disk.createDirectory(path, PRIVATE_DIRECTORY);
        } catch (AccessDeniedException | ReadOnlyFileSystemException e) {
            throw new IOException("%s can't be made: %s is not for us to write; make that possible, or name a directory that will not go away meanwhile: %s --journal DIRECTORY"
                    .formatted(path, home.place(), Home.beside(home.directory()).command()), e);
        }
        disk.syncDirectory(Disk.parentOf(path));
        disk.createDirectory(path.resolve("kept"), PRIVATE_DIRECTORY);
        disk.create(path.resolve("log"), Configuration.PRIVATE).close();
        write(disk, path.resolve("reserve"), ByteBuffer.allocate(RESERVE));
        Header header = new Header(new SecureRandom().nextLong(), home.directory(), plan, configuration);
        // All of it has to be there before its name says that it is.
        disk.syncDirectory(path);
        write(disk, path.resolve("begun.tmp"), FORMAT.encode(encode(header)));
        disk.rename(path.resolve("begun.tmp"), path.resolve("begun"));
        disk.syncDirectory(path);
        return new Journal(disk, path, header);
    }

    private static void write(Disk disk, Path path, ByteBuffer content) throws IOException {
        try (Disk.File file = disk.create(path, Configuration.PRIVATE)) {
            file.write(content, 0);
            file.sync();
        }
    }

    /** What the journal of a directory was begun with; empty when there is none that counts. */
    static Optional<Header> header(Disk disk, Home home) throws IOException {
        Path begun = home.journal().resolve("begun");
        try (Disk.File file = disk.openToRead(begun)) {
            ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(file.size()));
            file.read(content, 0);
            return Optional.of(decode(FORMAT.decode(begun.toString(), content.flip())));
        } catch (NoSuchFileException none) {
            return Optional.empty();
        }
    }

    static boolean isFinishing(Disk disk, Home home) throws IOException {
        return disk.look(home.journal().resolve("finishing")).isPresent();
    }

    /** Opens the journal of a change that goes on, and reads its log. */
    static Journal open(Disk disk, Home home, Header header) throws IOException {
        Journal journal = new Journal(disk, home.journal(), header);
        try {
            journal.read();
            return journal;
        } catch (IOException | RuntimeException e) {
            journal.close();
            throw e;
        }
    }

    private void read() throws IOException {
        cancelFinishing();
        log.read(originals::add);
        for (Path leaving : List.copyOf(originals.leaving().keySet())) {
            Path at = originals.leaving(leaving);
            if (at != null && disk.look(at).isPresent()) {
                originals.left(leaving);
            }
        }
        originals.rebuilt().retainAll(originals.kept().keySet());
        log.prepareForWriting();
    }

    Header header() {
        return header;
    }

    Originals originals() {
        return originals;
    }

    Log log() {
        return log;
    }

    /** Where the next thing that is moved out of the way of {@code location} is to be kept. */
    Path nextPlace(Locations.Location location) throws IOException {
        return store(location.root()).resolve(Integer.toString(originals.departures()));
    }

    private Path store(Path root) throws IOException {
        Path main = path.resolve("kept");
        Path side = sideStore(root);
        if (root.equals(header.directory) || side == null) {
            return main;
        }
        if (!originals.stores().contains(side)) {
            // Known before it is made: or nobody would find it to remove it.
            record(new LogRecord.Store(side));
            log.sync();
        }
        if (disk.look(side).isEmpty()) {
            try {
                disk.createDirectory(side, PRIVATE_DIRECTORY);
                disk.syncDirectory(Disk.parentOf(side));
            } catch (IOException notOurs) {
                // What can't be renamed into the main store is copied there.
                return main;
            }
        }
        return side;
    }

    /** The store beside a directory that a link leads to, named so that clusters which share a place do not share it. */
    private @Nullable Path sideStore(Path root) {
        return root.getFileName() == null ? null : root.resolveSibling("%s%s-%016x".formatted(root.getFileName(), Home.SUFFIX, header.id));
    }

    /** Appends to the log; it counts when the log is synced. */
    void record(LogRecord record) throws IOException {
        log.append(record);
        originals.add(record);
    }

    /** Room for undoing. */
    void freeReserve() throws IOException {
        if (disk.look(path.resolve("reserve")).isPresent()) {
            disk.delete(path.resolve("reserve"));
        }
    }

    /** From here on a directory without sentinel is a whole one. */
    void beginFinishing() throws IOException {
        disk.create(path.resolve("finishing"), Configuration.PRIVATE).close();
        disk.syncDirectory(path);
    }

    /** After a finishing that failed. */
    void cancelFinishing() throws IOException {
        if (disk.look(path.resolve("finishing")).isPresent()) {
            disk.delete(path.resolve("finishing"));
            disk.syncDirectory(path);
        }
    }

    /** Removes all of it. A kill meanwhile leaves something that {@link #remove(Disk, Home, Header)} goes on with, or that counts for nothing. */
    void remove() throws IOException {
        close();
        remove(disk, path, originals.stores());
    }

    /** As {@link #remove()}, of a change that was finished by an earlier run. */
    static void remove(Disk disk, Home home, Header header) throws IOException {
        Path path = home.journal();
        Originals read = new Originals();
        try (Log log = new Log(disk.open(path.resolve("log")), header.id)) {
            log.read(read::add);
        }
        remove(disk, path, read.stores());
    }

    private static void remove(Disk disk, Path path, Set<Path> stores) throws IOException {
        Trees trees = new Trees(disk);
        List<Path> parents = new ArrayList<>();
        for (Path store : stores) {
            trees.delete(store);
            parents.add(Disk.parentOf(store));
        }
        for (Path parent : parents) {
            disk.syncDirectory(parent);
        }
        disk.delete(path.resolve("begun"));
        // The log that names the stores may go when they are gone, and it can't be without its header.
        disk.syncDirectory(path);
        discard(disk, path);
    }

    /** Removes what counts for nothing. */
    static void discard(Disk disk, Path journal) throws IOException {
        if (disk.look(journal).isPresent()) {
            new Trees(disk).delete(journal);
            disk.syncDirectory(Disk.parentOf(journal));
        }
    }

    @Override
    public void close() throws IOException {
        log.close();
    }

    private static ByteBuffer encode(Header header) {
        Configuration.Original configuration = header.configuration;
        int content = configuration == null ? 0 : configuration.content().length;
        ByteBuffer body = ByteBuffer.allocate(64 + 4 * header.directory.toString().length() + header.plan.length + content);
        LogRecord.putPath(body.putLong(header.id), header.directory).putInt(header.plan.length).put(header.plan);
        if (configuration == null) {
            return body.put((byte) 0).flip();
        }
        body.put((byte) 1).putInt(content).put(configuration.content()).putShort(LogRecord.bits(configuration.mode()));
        LogRecord.putTime(body, configuration.modified());
        return body.flip();
    }

    private static Header decode(ByteBuffer body) {
        long id = body.getLong();
        Path directory = LogRecord.getPath(body);
        byte[] plan = bytes(body);
        if (body.get() == 0) {
            return new Header(id, directory, plan, null);
        }
        byte[] content = bytes(body);
        return new Header(
                id, directory, plan, new Configuration.Original(content, LogRecord.mode(body.getShort()), LogRecord.getTime(body)));
    }

    private static byte[] bytes(ByteBuffer body) {
        byte[] bytes = new byte[body.getInt()];
        body.get(bytes);
        return bytes;
    }
}
