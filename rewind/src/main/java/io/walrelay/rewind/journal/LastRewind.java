package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
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

    private static final StateFile FORMAT = new StateFile("WALRREWN", 1);

    /**
     * The note in {@code directory}; empty when there is none.
     *
     * @throws IOException it is damaged, or could not be read
     */
    public static Optional<LastRewind> read(Path directory) throws IOException {
        Path file = directory.resolve(NAME);
        try {
            ByteBuffer body = FORMAT.decode(file.toString(), ByteBuffer.wrap(Files.readAllBytes(file)));
            byte[] bytes = new byte[body.remaining()];
            body.get(bytes);
            return Optional.of(new LastRewind(bytes));
        } catch (NoSuchFileException none) {
            return Optional.empty();
        }
    }

    /** Leaves this note as part of {@code change}. */
    public void write(DirectoryChange change) throws IOException {
        try (DirectoryChange.NewFile file = change.replace(NAME, Configuration.PRIVATE)) {
            file.write(FORMAT.encode(ByteBuffer.wrap(body)));
        }
    }
}
