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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;

/** The system's user at the other end of a Unix-domain socket (auth.c, auth_peer). */
final class PeerUser {

    private PeerUser() {}

    /**
     * Empty when it is none, or its user has no name that is known for sure.
     *
     * @param lookUp where it is looked up, which may take a while: users may be in a directory on another machine
     */
    static CompletionStage<Optional<String>> of(Channel channel, Executor lookUp) {
        if (!(channel instanceof EpollDomainSocketChannel local)) {
            return CompletableFuture.completedFuture(Optional.empty());
        }
        try {
            PeerCredentials peer = local.peerCredentials();
            return CompletableFuture.supplyAsync(() -> name(peer.pid(), peer.uid()), lookUp);
        } catch (IOException e) {
            return CompletableFuture.completedFuture(Optional.empty()); // It has gone.
        }
    }

    /**
     * The kernel gives a number; Java has names of files' owners only, and a process has a directory that belongs to its user. One that
     * has ended, or lies in a name space of its own, has none here.
     */
    private static Optional<String> name(int pid, int uid) {
        try {
            return name(Files.readAttributes(Path.of("/proc", String.valueOf(pid)), "unix:uid,owner"), uid);
        } catch (IOException e) {
            return Optional.empty(); // It has gone, or may not be looked at.
        }
    }

    /** Of a user whom the system does not know Java says the number, which would be the name of whatever role is called so. */
    static Optional<String> name(Map<String, Object> process, int uid) {
        boolean same = process.get("uid") instanceof Integer owned && owned == uid;
        return same && process.get("owner") instanceof UserPrincipal owner
                ? Optional.of(owner.getName()).filter(name -> !name.equals(Integer.toUnsignedString(uid)) && !name.equals(Integer.toString(uid)))
                : Optional.empty();
    }
}
