package io.walrelay.proxy.auth;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Asks a server for one role. Blocks; called by one thread at a time. */
public interface AuthQuery extends AutoCloseable {

    /**
     * The role, or empty if the server says that there is none.
     *
     * @throws IOException if the server could not be asked
     */
    Optional<UserEntry> ask(String user) throws IOException;

    @Override
    void close();

    /**
     * Asks several servers of one cluster in turn until one answers; the one that did is asked first the next time.
     *
     * @param servers at least one; closed with it
     */
    static AuthQuery firstOf(List<AuthQuery> servers) {
        return new FirstAnswer(servers);
    }
}
