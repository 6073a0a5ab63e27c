package io.walrelay.proxy.cli;

/** How a piece of text stands out on a terminal with colours (ECMA-48, SGR). */
enum Ink {
    PLAIN(""),
    /** Titles, and what is asked for most. */
    BOLD("1"),
    /** What is there for completeness. */
    FAINT("2"),
    GOOD("32"),
    WARNING("33"),
    BAD("1;31");

    private final String parameters;

    Ink(String parameters) {
        this.parameters = parameters;
    }

    String paint(String text) {
        return parameters.isEmpty() || text.isEmpty() ? text : "\033[" + parameters + "m" + text + "\033[0m";
    }
}
