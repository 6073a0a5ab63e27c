package io.walrelay.proxy.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that asks a running relay at its HTTP port. */
abstract class ApiCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Mixin
    private final ApiOptions api = new ApiOptions();

    final ApiOptions api() {
        return api;
    }

    /** Prints without characters that would make a terminal do something: others have written parts of it. */
    final void print(String line) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(line.replaceAll("[\\p{Cntrl}&&[^\\n]]", "?"));
        out.flush();
    }

    /** A slip of the pen on the command line. */
    final ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    final ParameterException wrong(String message, Exception why) {
        return new ParameterException(spec.commandLine(), message, why);
    }
}
