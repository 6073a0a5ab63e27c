package io.walrelay.wal;

import org.jspecify.annotations.Nullable;

/** The system identifier of a cluster, 64 bits unsigned, printed in decimal (PostgreSQL: pg_control.h, system_identifier). */
public record SystemId(long value) {

    public static SystemId parse(String text) {
        try {
            // parseUnsignedLong alone would take a sign and the digits of other scripts.
            if (text.matches("[0-9]+")) {
                return new SystemId(Long.parseUnsignedLong(text));
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(refusal(text), e);
        }
        throw new IllegalArgumentException(refusal(text));
    }

    private static String refusal(String text) {
        return "not a system identifier: \"%s\"; expected an unsigned decimal number of 64 bits".formatted(text);
    }

    // The record's own would go by method handles, which are slow at first (docs/architecture.md, "Rewind: its start").
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof SystemId id && id.value == value;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(value);
    }

    @Override
    public String toString() {
        return Long.toUnsignedString(value);
    }
}
