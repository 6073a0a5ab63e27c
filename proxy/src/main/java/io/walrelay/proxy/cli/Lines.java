package io.walrelay.proxy.cli;

import java.io.PrintWriter;
import picocli.CommandLine.Model.CommandSpec;

/** What a command prints that has parts which others have written. */
final class Lines {

    private Lines() {}

    /** Without characters that would make a terminal do something. */
    static void print(CommandSpec spec, String line) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(line.replaceAll("[\\p{Cntrl}&&[^\\n]]", "?"));
        out.flush();
    }
}
