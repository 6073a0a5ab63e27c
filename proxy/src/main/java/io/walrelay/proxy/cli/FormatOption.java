package io.walrelay.proxy.cli;

import picocli.CommandLine.Option;

/** {@code --format}, which every command has that prints something to go on with; a mixin for picocli. */
final class FormatOption {

    /** How something is printed. */
    enum Format {
        /** For people. */
        TEXT,
        /** For programs, with names that stay. */
        JSON
    }

    @Option(names = "--format", paramLabel = "text|json", defaultValue = "text", description = "How to print (default: ${DEFAULT-VALUE}).")
    private Format format = Format.TEXT;

    Format get() {
        return format;
    }
}
