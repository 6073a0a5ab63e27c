package io.walrelay.protocol.command;

import io.walrelay.protocol.message.Diagnostic;
import java.nio.charset.StandardCharsets;

/**
 * The name of a replication slot: 1 to 63 bytes of lower case letters, digits and underscores, since it is also the name
 * of a directory (PostgreSQL: slot.c, ReplicationSlotValidateName).
 */
public record SlotName(String value) {

    /** PostgreSQL: pg_config_manual.h, NAMEDATALEN less the zero byte. */
    public static final int MAX_LENGTH = 63;

    /** @throws CommandError with PostgreSQL's code, words and hint for what is wrong */
    public SlotName {
        if (value.isEmpty()) {
            throw refused("42602", value, "is too short");
        }
        if (value.getBytes(StandardCharsets.UTF_8).length > MAX_LENGTH) {
            throw refused("42622", value, "is too long");
        }
        if (!value.chars().allMatch(SlotName::isAllowed)) {
            Diagnostic diagnostic = refused("42602", value, "contains invalid character").diagnostic();
            throw new CommandError(diagnostic.withHint("Replication slot names may only contain lower case letters, numbers,"
                    + " and the underscore character."));
        }
    }

    private static boolean isAllowed(int c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }

    private static CommandError refused(String sqlState, String name, String why) {
        return new CommandError(Diagnostic.error(sqlState, "replication slot name \"%s\" %s".formatted(CommandError.excerpt(name), why)));
    }

    @Override
    public String toString() {
        return value;
    }
}
