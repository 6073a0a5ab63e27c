package io.walrelay.proxy.auth;

import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** Where roles and their verifiers come from. Thread-safe; {@link #find} never blocks its caller. */
public interface Users extends AutoCloseable {

    /** Complete at once when the answer is at hand, else on another thread; never exceptionally: trouble is an answer. */
    CompletionStage<Lookup> find(String user);

    @Override
    void close();

    /** What is known of a user. To a client, {@code Unknown} looks like a wrong password. */
    sealed interface Lookup {
        /** @param stale whether a server said so that may be behind the one that the relay follows */
        record Found(UserEntry entry, boolean stale) implements Lookup {}

        record Unknown() implements Lookup {}

        /**
         * Could not look.
         *
         * @param remembered what was said before, if anything: enough to let somebody in, not to say that his password is wrong
         */
        record Unavailable(String reason, Optional<UserEntry> remembered) implements Lookup {}
    }
}
