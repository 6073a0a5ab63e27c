package io.walrelay.wal.format;

import java.util.Locale;
import java.util.Optional;

/** How much is written to the log (PostgreSQL: xlog.h, WalLevel), from the least. */
public enum WalLevel {
    /** Not enough to recover from a base backup, nor for any standby. */
    MINIMAL,
    REPLICA,
    LOGICAL;

    static Optional<WalLevel> ofNumber(int number) {
        return number >= 0 && number < values().length ? Optional.of(values()[number]) : Optional.empty();
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
