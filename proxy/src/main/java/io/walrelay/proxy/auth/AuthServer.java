package io.walrelay.proxy.auth;

import io.walrelay.proxy.auth.AuthQuery.UnanswerableException;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.Optional;

/** One server that can be asked for roles. Blocks; called by one thread at a time. */
public interface AuthServer extends AutoCloseable {

    /** Which cluster a server belongs to and where it stands in its history. */
    record Standing(SystemId system, boolean inRecovery, TimelineId timeline) {}

    /** {@code host:port}, as the upstream in use is named. */
    String host();

    /**
     * The role, or empty if the server says that there is none.
     *
     * @throws IOException if it could not be asked
     * @throws UnanswerableException if it was there and could not answer for this name
     */
    Optional<UserEntry> ask(String user) throws IOException, UnanswerableException;

    /** @throws IOException if it could not be asked */
    Standing standing() throws IOException;

    @Override
    void close();
}
