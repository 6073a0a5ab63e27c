package io.walrelay.proxy.standby;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;

/** The file of a Unix-domain socket, where libpq looks for it: {@code DIRECTORY/.s.PGSQL.PORT} (pqcomm.h, UNIXSOCK_PATH). */
record UnixSocketFile(Path path) {

    static UnixSocketFile in(Path directory, int port) {
        return new UnixSocketFile(directory.resolve(".s.PGSQL." + port));
    }

    /**
     * Removes what a server has left that was killed.
     *
     * @throws IOException when somebody listens there, or what is there is no socket
     */
    void makeRoom() throws IOException {
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

    void remove() throws IOException {
        Files.deleteIfExists(path);
    }
}
