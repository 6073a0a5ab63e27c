package io.walrelay.proxy.feedback;

import java.util.Comparator;
import java.util.Locale;

/** Who wants rows kept: a slot, for its standby, or a standby that streams without one. */
public record Holder(Kind kind, String name) implements Comparable<Holder> {

    /** In lower case, as reports have it. */
    public enum Kind {
        SLOT,
        STANDBY;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private static final Comparator<Holder> ORDER = Comparator.comparing(Holder::kind).thenComparing(Holder::name);

    @Override
    public int compareTo(Holder other) {
        return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
        return "%s \"%s\"".formatted(kind, name);
    }
}
