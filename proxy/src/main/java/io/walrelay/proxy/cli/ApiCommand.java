package io.walrelay.proxy.cli;

import io.walrelay.proxy.http.Json;
import java.io.PrintWriter;
import java.util.Map;
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

    @Mixin
    private final FormatOption format = new FormatOption();

    final FormatOption.Format format() {
        return format.get();
    }

    final ApiOptions api() {
        return api;
    }

    /** Prints a line or several, {@link Piece#harmless}: others have written parts of it. */
    final void print(String lines) {
        PrintWriter out = spec.commandLine().getOut();
        lines.lines().map(Piece::harmless).forEach(out::println);
        out.flush();
    }

    /** Prints JSON with all that a terminal might take for its own escaped. */
    final void printJson(String json) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(Piece.escaped(json.stripTrailing()));
        out.flush();
    }

    /** Prints what came of it: to programs {@code json}, to people a sentence. */
    final void answer(String json, String sentence) {
        switch (format()) {
            case TEXT -> print(sentence);
            case JSON -> printJson(json);
        }
    }

    /** As {@link #answer(String, String)}, where the relay's own answer has no body. */
    final void answer(Map<String, ?> fields, String sentence) {
        answer(Json.MAPPER.writeValueAsString(fields), sentence);
    }

    /** A slip of the pen on the command line. */
    final ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    final ParameterException wrong(String message, Exception why) {
        return new ParameterException(spec.commandLine(), message, why);
    }
}
