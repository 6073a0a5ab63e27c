package io.walrelay.proxy.console.sql;

/** A text that is being made, looked at before it grows: no text is longer than {@link Operators#MAX_TEXT}, and what it costs is paid at once. */
final class TextBuilder {

    private final StringBuilder text = new StringBuilder();
    private final Budget budget;

    TextBuilder(Budget budget) {
        this.budget = budget;
    }

    /** @throws SqlError 54000 */
    TextBuilder append(String more) {
        require(more.length());
        text.append(more);
        return this;
    }

    /** @throws SqlError 54000 */
    TextBuilder append(char more) {
        require(1);
        text.append(more);
        return this;
    }

    private void require(int more) {
        if (text.length() + more > Operators.MAX_TEXT) {
            throw SqlError.tooMuch("a text of more than %d characters".formatted(Operators.MAX_TEXT));
        }
        budget.hold(2L * more);
    }

    boolean isEmpty() {
        return text.isEmpty();
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
