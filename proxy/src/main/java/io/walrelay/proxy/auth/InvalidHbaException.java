package io.walrelay.proxy.auth;

import java.util.List;

/** Access rules that can't be used: every problem that was found, each with its line. */
public final class InvalidHbaException extends IllegalArgumentException {

    private static final long serialVersionUID = 1;

    private final String[] problems;

    InvalidHbaException(List<String> problems) {
        super(String.join("; ", problems));
        this.problems = problems.toArray(String[]::new);
    }

    public List<String> problems() {
        return List.of(problems);
    }
}
