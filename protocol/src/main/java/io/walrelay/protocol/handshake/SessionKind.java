package io.walrelay.protocol.handshake;

import java.util.Locale;
import java.util.Optional;

/** What the startup parameter {@code replication} makes of a session (backend_startup.c); it counts before the database's name does. */
public enum SessionKind {
    /** Replication commands only, no database. */
    PHYSICAL_REPLICATION,
    /** Replication commands and SQL in a database. */
    LOGICAL_REPLICATION,
    ORDINARY;

    /** Empty when {@code value} is neither {@code database} nor a boolean of PostgreSQL's. */
    static Optional<SessionKind> ofReplicationParameter(String value) {
        return value.equals("database")
                ? Optional.of(LOGICAL_REPLICATION)
                : parseBoolean(value).map(physical -> physical ? PHYSICAL_REPLICATION : ORDINARY);
    }

    /** As parse_bool in bool.c: any case, any beginning that tells which word is meant; {@code o} does not. */
    private static Optional<Boolean> parseBoolean(String value) {
        String lower = value.toLowerCase(Locale.ROOT);
        if (lower.isEmpty() || lower.equals("o")) {
            return Optional.empty();
        }
        if ("true".startsWith(lower) || "yes".startsWith(lower) || "on".startsWith(lower) || lower.equals("1")) {
            return Optional.of(true);
        }
        if ("false".startsWith(lower) || "no".startsWith(lower) || "off".startsWith(lower) || lower.equals("0")) {
            return Optional.of(false);
        }
        return Optional.empty();
    }
}
