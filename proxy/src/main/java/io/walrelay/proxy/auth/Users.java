package io.walrelay.proxy.auth;

import java.util.concurrent.CompletionStage;

/** Where roles and their verifiers come from. Thread-safe; {@link #find} never blocks its caller. */
public interface Users extends AutoCloseable {

    /** Complete at once when the answer is at hand, else on another thread; never exceptionally: trouble is an answer. */
    CompletionStage<Lookup> find(String user);

    @Override
    void close();

    /** What is known of a user. To a client, {@code Unknown} and {@code Unavailable} look like a wrong password. */
    sealed interface Lookup {
        /** @param stale whether the source could not be asked just now, so that this is what it said before */
        record Found(UserEntry entry, boolean stale) implements Lookup {}

        record Unknown() implements Lookup {}

        /** Could not look, and nothing is remembered. */
        record Unavailable(String reason) implements Lookup {}
    }
}
