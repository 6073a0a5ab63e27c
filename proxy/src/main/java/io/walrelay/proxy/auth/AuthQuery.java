package io.walrelay.proxy.auth;

import java.io.IOException;
import java.util.Optional;

/** Asks upstream's cluster for one role. Blocks; called by one thread at a time. */
public interface AuthQuery extends AutoCloseable {

    /**
     * What the cluster said.
     *
     * @param entry empty if there is no such role
     * @param stale whether it comes from a server that may be behind the one that the relay follows
     */
    record Answer(Optional<UserEntry> entry, boolean stale) {}

    /**
     * @throws IOException if no server could be asked, whatever the name
     * @throws UnanswerableException if a server was there and could not answer for this name
     */
    Answer ask(String user) throws IOException, UnanswerableException;

    @Override
    void close();

    /** A server that works could not answer for one name: that says nothing of the server, nor of other names. */
    final class UnanswerableException extends Exception {
        private static final long serialVersionUID = 1;

        public UnanswerableException(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
