package io.walrelay.cache.verify;

import java.util.Locale;

/** Where a file lies. */
public enum Tier {
    DISK("on the local disk"),
    ARCHIVE("in the archive");

    private final String words;

    Tier(String words) {
        this.words = words;
    }

    /** As programs are told. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Where: completes a sentence. */
    @Override
    public String toString() {
        return words;
    }
}
