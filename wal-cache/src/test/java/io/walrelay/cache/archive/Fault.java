package io.walrelay.cache.archive;

import java.time.Duration;

/** What becomes of a request to {@link S3MockServer} on its way. */
public sealed interface Fault {

    /** Which one, by method and path. */
    @FunctionalInterface
    interface Of {
        Fault of(String method, String path);
    }

    record None() implements Fault {}

    /** The connection ends without an answer, as where nobody is. */
    record Cut() implements Fault {}

    record Slow(Duration by) implements Fault {}

    /** Somebody else answers. */
    record Answer(int status, String body) implements Fault {}
}
