package io.walrelay.proxy.config;

import java.util.List;

/**
 * What a source says about a key.
 *
 * @param lines the value's text; one line unless the key is a list
 * @param origin the source, for messages: a file with its line, a variable, a flag
 */
record Given(List<String> lines, String origin) {

    Given {
        lines = List.copyOf(lines);
    }

    /** The value, for a message. */
    String shown() {
        return lines.size() == 1 ? '"' + lines.getFirst() + '"' : lines.toString();
    }
}
