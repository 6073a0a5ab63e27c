package io.walrelay.proxy.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Where the relay may keep its data. */
public final class DataPlace {

    /** Every data directory of PostgreSQL has it, and nobody else's. */
    private static final String POSTGRESQL = "PG_VERSION";

    private DataPlace() {}

    /** Why {@code data} can't be the relay's directory, as far as that is seen by looking: what it is, for a sentence that begins with its path. One that is missing will be made. */
    public static Optional<String> obstacle(Path data) {
        if (!Files.exists(data)) {
            return Optional.empty();
        }
        if (!Files.isDirectory(data)) {
            return Optional.of("is no directory");
        }
        if (!Files.isWritable(data) || !Files.isExecutable(data)) {
            return Optional.of("can't be written to by system user \"%s\"".formatted(System.getProperty("user.name")));
        }
        return Files.exists(data.resolve(POSTGRESQL))
                ? Optional.of("is that of a PostgreSQL server: it has %s".formatted(POSTGRESQL))
                : Optional.empty();
    }
}
