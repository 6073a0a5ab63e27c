package io.walrelay.proxy.standby;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Optional;

/**
 * The file of a Unix-domain socket, where libpq looks for it: {@code DIRECTORY/.s.PGSQL.PORT} (pqcomm.h, UNIXSOCK_PATH), and the lock beside it. A
 * PostgreSQL that starts with the same directory and port, on another address, removes a socket without a lock, whoever listens there (pqcomm.c,
 * Lock_AF_UNIX).
 */
record UnixSocketFile(Path path, int port) {

    private static final int TRIES = 10;

    static UnixSocketFile in(Path directory, int port) {
        return new UnixSocketFile(directory.resolve(".s.PGSQL." + port), port);
    }

    private Path lock() {
        return path.resolveSibling(path.getFileName() + ".lock");
    }

    /**
     * Takes the lock, and removes what a server has left that was killed.
     *
     * @throws IOException when another server runs or listens there, or what is there is no socket; then the lock is not taken
     */
    void makeRoom() throws IOException {
        takeLock();
        try {
            removeLeftOver();
        } catch (IOException e) {
            giveBack();
            throw e;
        }
    }

    /** As CreateLockFile in miscinit.c, whose first line, the process's number, is all that others read of it; its data directory is the second. */
    private void takeLock() throws IOException {
        String text = "%d\n\n%d\n%d\n\n".formatted(ProcessHandle.current().pid(), Instant.now().getEpochSecond(), port);
        for (int i = 0; i < TRIES; i++) {
            try {
                Files.writeString(lock(), text, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SYNC);
                return;
            } catch (NoSuchFileException e) {
                throw new IOException("listen.unix = %s: expected a directory that is there".formatted(path.getParent()), e);
            } catch (FileAlreadyExistsException e) {
                Optional<Long> pid = owner();
                if (pid.isPresent() && runs(pid.get())) {
                    throw new IOException(
                            "%s says that process %d is a server with the socket %s; expected another listen.unix or another port".formatted(lock(), pid.get(), path), e);
                }
                Files.deleteIfExists(lock());
            }
        }
        throw new IOException("could not take %s: others take it again and again".formatted(lock()));
    }

    /** Of the process that has the lock; empty when there is none. PostgreSQL's is negative where no postmaster runs. */
    private Optional<Long> owner() throws IOException {
        String first;
        try {
            first = Files.readString(lock()).lines().findFirst().orElse("").strip();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        if (!first.matches("-?[0-9]{1,10}")) {
            throw new IOException(("%s does not begin with the number of a process: a server starts at this moment, or did not get further; "
                    + "remove the file if none does").formatted(lock()));
        }
        return Optional.of(Math.abs(Long.parseLong(first)));
    }

    /** A number that is this process's or its parent's was another's before; so was, as PostgreSQL takes it, that of another system user. */
    private static boolean runs(long pid) {
        ProcessHandle own = ProcessHandle.current();
        if (pid == own.pid() || own.parent().filter(parent -> parent.pid() == pid).isPresent()) {
            return false;
        }
        Optional<ProcessHandle> other = ProcessHandle.of(pid).filter(ProcessHandle::isAlive);
        return other.isPresent() && other.get().info().user().equals(own.info().user());
    }

    private void removeLeftOver() throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).isOther()) {
            throw new IOException("%s is there and no socket; expected nothing, or what a server that was killed has left".formatted(path));
        }
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(path));
            throw new IOException("another server listens on %s; expected another listen.unix or another port".formatted(path));
        } catch (ConnectException e) {
            Files.delete(path); // Nobody listens.
        }
    }

    /** Who may come in is for the rules to say, as with PostgreSQL's unix_socket_permissions; or for the directory's rights. */
    void open() throws IOException {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxrwxrwx"));
    }

    /** Without the socket, which is not there, or another's. */
    void giveBack() throws IOException {
        if (owner().equals(Optional.of(ProcessHandle.current().pid()))) {
            Files.delete(lock());
        }
    }

    /** Unless somebody has taken both over. */
    void remove() throws IOException {
        if (owner().equals(Optional.of(ProcessHandle.current().pid()))) {
            Files.deleteIfExists(path);
            Files.delete(lock());
        }
    }
}
