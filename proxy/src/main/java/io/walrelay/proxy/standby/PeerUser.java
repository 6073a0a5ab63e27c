package io.walrelay.proxy.standby;

import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.PeerCredentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.Map;
import java.util.Optional;

/** The system's user at the other end of a Unix-domain socket (auth.c, auth_peer). */
final class PeerUser {

    private PeerUser() {}

    /** Empty when it is none, or its user has no name that is known for sure. */
    static Optional<String> of(Channel channel) {
        try {
            return channel instanceof EpollDomainSocketChannel local ? name(local.peerCredentials()) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty(); // It has gone, or may not be looked at.
        }
    }

    /**
     * The kernel gives a number; Java has names of files' owners only, and a process has a directory that belongs to its user. One that
     * has ended, or lies in a name space of its own, has none here.
     */
    private static Optional<String> name(PeerCredentials credentials) throws IOException {
        Map<String, Object> process = Files.readAttributes(Path.of("/proc", String.valueOf(credentials.pid())), "unix:uid,owner");
        boolean same = process.get("uid") instanceof Integer uid && uid == credentials.uid();
        return same && process.get("owner") instanceof UserPrincipal owner ? Optional.of(owner.getName()) : Optional.empty();
    }
}
