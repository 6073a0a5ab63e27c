package io.walrelay.proxy.cli;

import java.io.Console;
import java.util.Map;

/** What standard output is. */
final class Terminal {

    private Terminal() {}

    /** Since JDK 25 there is no console again where there is no terminal. */
    @SuppressWarnings("SystemConsoleNull")
    static boolean is() {
        Console console = System.console();
        return console != null && console.isTerminal();
    }

    /** Whether to print colours: not into a file, not on a terminal that has none, and not for those who want none (no-color.org). */
    static boolean colours(boolean terminal, Map<String, String> environment) {
        boolean wanted = environment.getOrDefault("NO_COLOR", "").isEmpty();
        return terminal && wanted && !"dumb".equals(environment.get("TERM"));
    }
}
