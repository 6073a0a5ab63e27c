package io.walrelay.proxy.console.sql;

import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/**
 * What one execution may cost: a unit for each value that is looked at or made, one more for each 16 characters that are; bytes for all that it keeps or made,
 * as if that were kept to its end; time. Bytes are estimates, rather too many. Confined to its thread.
 */
final class Budget {

    /** Ten thousand slots with all their columns, sorted, are a tenth of it; it takes half a second or so. */
    static final long UNITS = 4_000_000;

    /** Ten thousand slots with all their columns, sorted, have six million. */
    static final long BYTES = 8L << 20;

    private static final int CHARACTERS_EACH = 16;
    private static final int LOOK_AT_THE_CLOCK_EACH = 1000;

    private final long deadline;
    private long left = UNITS;
    private long lookAtTheClock = UNITS - LOOK_AT_THE_CLOCK_EACH;
    private long held;

    /** Of a statement that begins now, with the time that each has. */
    static Budget begin() {
        return new Budget(System.nanoTime() + Query.TIME_LIMIT.toNanos());
    }

    /** @param deadline by System.nanoTime() */
    Budget(long deadline) {
        this.deadline = deadline;
    }

    /** @throws SqlError 54000, or 57014 when time is up */
    void spend(long units) {
        left -= units;
        if (left < 0) {
            throw SqlError.tooMuch("the statement costs too much").withHint("read fewer rows, or all of them with less to calculate");
        }
        if (left < lookAtTheClock) {
            lookAtTheClock = left - LOOK_AT_THE_CLOCK_EACH;
            if (System.nanoTime() - deadline > 0) {
                throw new SqlError("57014", "canceling statement due to statement timeout");
            }
        }
    }

    /** For the characters of a value that is looked at from its beginning to its end. */
    void look(@Nullable Object value) {
        spend(value instanceof String text ? text.length() / CHARACTERS_EACH : 0);
    }

    /**
     * For a value that was made; any may be kept.
     *
     * @throws SqlError 54000 also for a text that is too long
     */
    void made(Object value) {
        spend(1);
        look(value);
        hold(switch (value) {
            case Boolean _ -> 0;
            case String text -> 40 + 2L * checked(text.length());
            case BigDecimal number -> 40 + number.precision() / 2;
            case RowValue row -> 48 + rowBytes(row.values().size());
            default -> 24;
        });
    }

    private static int checked(int length) {
        if (length > Operators.MAX_TEXT) {
            throw SqlError.tooMuch("a text of more than %d characters".formatted(Operators.MAX_TEXT));
        }
        return length;
    }

    /** @throws SqlError 54000 when that is more than there may be in all */
    void hold(long bytes) {
        held += bytes;
        if (held > BYTES) {
            throw SqlError.tooMuch("the statement needs more than %d bytes of memory".formatted(BYTES))
                    .withHint("read fewer rows, or all of them with less to calculate");
        }
    }

    void letGo(long bytes) {
        held -= bytes;
    }

    /** Bytes of all that is kept now. */
    long held() {
        return held;
    }

    /** What an array of so many values takes, without the values. */
    static long rowBytes(int columns) {
        return 16 + 4L * columns;
    }
}
