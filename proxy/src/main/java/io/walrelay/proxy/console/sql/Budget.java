package io.walrelay.proxy.console.sql;

/** What one execution may cost: a unit for each value that is looked at or made, one more for each 16 characters that are. Confined to its thread. */
final class Budget {

    /** Ten thousand slots with all their columns, sorted, are a tenth of it; it takes half a second or so. */
    static final long UNITS = 4_000_000;

    private static final int CHARACTERS_EACH = 16;

    private long left = UNITS;

    void spend(long units) {
        left -= units;
        if (left < 0) {
            throw SqlError.tooMuch("the statement costs too much").withHint("read fewer rows, or all of them with less to calculate");
        }
    }

    /** For a value that was made. */
    void spendOn(Object made) {
        spend(made instanceof String text ? 1 + text.length() / CHARACTERS_EACH : 1);
    }
}
