package io.walrelay.wal.format;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** How much is written to the log (PostgreSQL: xlog.h, WalLevel), from the least. */
public enum WalLevel {
    /** Not enough to recover from a base backup, nor for any standby. */
    MINIMAL(0),
    REPLICA(1),
    LOGICAL(2);

    private final int number;

    WalLevel(int number) {
        this.number = number;
    }

    /** As records have it. */
    public int number() {
        return number;
    }

    static Optional<WalLevel> ofNumber(int number) {
        return Arrays.stream(values()).filter(level -> level.number == number).findFirst();
    }

    static Optional<WalLevel> ofSetting(String text) {
        for (WalLevel level : values()) {
            if (level.setting().equals(text)) {
                return Optional.of(level);
            }
        }
        return Optional.empty();
    }

    /** As SHOW wal_level says it. */
    public String setting() {
        return name().toLowerCase(Locale.ROOT);
    }
}
