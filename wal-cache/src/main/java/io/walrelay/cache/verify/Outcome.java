package io.walrelay.cache.verify;

/** What became of reading a file from its beginning to its end. */
sealed interface Outcome {

    /** It is what it says; {@code crc32c} is of its plain bytes. */
    record Whole(long length, int crc32c) implements Outcome {}

    /** It is not there any more. */
    record Gone() implements Outcome {}

    /** It is not what it says. */
    record Damaged(String reason) implements Outcome {}

    /** It could not be looked at. */
    record Unread(String reason) implements Outcome {}
}
