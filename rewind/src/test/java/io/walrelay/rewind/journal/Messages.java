package io.walrelay.rewind.journal;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** What errors say. */
final class Messages {

    private Messages() {}

    static void assertSays(String part, Throwable error) {
        String message = String.valueOf(error.getMessage());
        assertTrue(message.contains(part), message);
    }
}
