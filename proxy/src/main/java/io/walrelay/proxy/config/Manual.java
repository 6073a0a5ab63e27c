package io.walrelay.proxy.config;

import java.util.Optional;
import java.util.stream.Collectors;

/** The table of keys in {@code docs/configure.md}, made from the keys themselves; a test holds the two together. */
final class Manual {

    private Manual() {}

    /** Markdown. */
    static String table() {
        return """
                | key | default | environment, flag | what it says |
                | --- | --- | --- | --- |
                """
                + Keys.ALL.stream().map(Manual::row).collect(Collectors.joining("\n", "", "\n"));
    }

    private static String row(Key<?> key) {
        return "| `%s` | %s | `%s`%s | %s Expected: %s.%s |"
                .formatted(
                        key.name(),
                        key.defaultText().map(Manual::code).orElse(""),
                        key.environmentName(),
                        flag(key.flag()),
                        key.help(),
                        key.type().expected(),
                        key.reloaded() ? " Taken up by a reload." : "");
    }

    private static String flag(Optional<String> flag) {
        return flag.map(name -> ", " + code(name)).orElse("");
    }

    private static String code(String text) {
        return "`" + text + "`";
    }
}
