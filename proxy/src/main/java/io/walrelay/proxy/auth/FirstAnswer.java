package io.walrelay.proxy.auth;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Asks the servers that an operator named in turn until one can be asked; the one that could is asked first the next time.
 * Confined to one thread at a time.
 */
public final class FirstAnswer implements AuthQuery {

    /** The one to ask first comes first. */
    private final Deque<AuthServer> servers;

    /** @param servers at least one; closed with it */
    public FirstAnswer(List<? extends AuthServer> servers) {
        this.servers = new ArrayDeque<>(servers);
    }

    @Override
    public Answer ask(String user) throws IOException, UnanswerableException {
        List<String> failures = new ArrayList<>();
        for (int i = 0; i < servers.size(); i++) {
            try {
                return new Answer(servers.getFirst().ask(user), false);
            } catch (IOException e) {
                failures.add(String.valueOf(e.getMessage()));
                servers.addLast(servers.removeFirst());
            }
        }
        throw new IOException("no server answered: " + String.join("; ", failures));
    }

    @Override
    public void close() {
        servers.forEach(AuthServer::close);
    }
}
