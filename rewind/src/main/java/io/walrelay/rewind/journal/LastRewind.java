package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The note that a rewind leaves in the data directory until the server is consistent again: which blocks differ from both
 * histories until WAL has been replayed over them. No WAL of the target names them, so a further rewind must add them to its own.
 *
 * @param body as the rewind lays it out
 */
@SuppressWarnings("ArrayRecordComponent") // Handed to whoever parses it, and compared by nobody.
public record LastRewind(byte[] body) {

    /** Of the file in the data directory. */
    public static final String NAME = "walrelay.rewound";

    /**
     * The note in {@code directory}; empty when there is none.
     *
     * @throws IOException it is damaged, or could not be read
     */
    public static Optional<LastRewind> read(Path directory) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Leaves this note as part of {@code change}. */
    public void write(DirectoryChange change) throws IOException {
        throw new UnsupportedOperationException();
    }
}
