package io.walrelay.proxy.conninfo;

import java.util.List;

/** A connection string that can't be used: every problem that was found in it, none with a password in it. */
public final class InvalidConninfoException extends IllegalArgumentException {

    private static final long serialVersionUID = 1;

    // Elements are strings: the list made by List.copyOf is serializable.
    private final String[] problems;

    InvalidConninfoException(List<String> problems) {
        super(String.join("; ", problems));
        this.problems = problems.toArray(String[]::new);
    }

    /** At least one; each names keyword, value and what was expected. */
    public List<String> problems() {
        return List.of(problems);
    }
}
