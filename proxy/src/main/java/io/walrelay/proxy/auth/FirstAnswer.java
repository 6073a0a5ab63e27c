package io.walrelay.proxy.auth;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** See {@link AuthQuery#firstOf}. */
final class FirstAnswer implements AuthQuery {

    /** The one to ask first comes first. */
    private final Deque<AuthQuery> servers;

    FirstAnswer(List<AuthQuery> servers) {
        this.servers = new ArrayDeque<>(servers);
    }

    @Override
    public Optional<UserEntry> ask(String user) throws IOException {
        List<String> failures = new ArrayList<>();
        for (int i = 0; i < servers.size(); i++) {
            try {
                return servers.getFirst().ask(user);
            } catch (IOException e) {
                failures.add(String.valueOf(e.getMessage()));
                servers.addLast(servers.removeFirst());
            }
        }
        throw new IOException("no server answered: " + String.join("; ", failures));
    }

    @Override
    public void close() {
        servers.forEach(AuthQuery::close);
    }
}
