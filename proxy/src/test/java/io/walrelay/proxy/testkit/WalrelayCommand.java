package io.walrelay.proxy.testkit;

import io.walrelay.proxy.demo.OsProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** {@code walrelay COMMAND …} as a process of its own: for what only a process has, such as its environment. */
public final class WalrelayCommand {

    static final String MAIN = "io.walrelay.proxy.cli.Main";

    private WalrelayCommand() {}

    /** Runs it to its end. */
    public static Programs.Result run(Duration limit, Map<String, String> environment, String... arguments) {
        return run(limit, environment, command(arguments));
    }

    /** Starts it; the caller closes it. */
    public static ExternalProcess start(String... arguments) {
        return ExternalProcess.start(command(arguments));
    }

    /** As {@link #run}, as a user that is not root: what a server's own user runs. */
    public static Programs.Result runUnprivileged(Duration limit, Map<String, String> environment, String... arguments) {
        return run(limit, environment, OsProcess.unprivileged(command(arguments)));
    }

    /** As {@link #runUnprivileged}; the caller closes it. */
    public static ExternalProcess startUnprivileged(String... arguments) {
        return ExternalProcess.start(OsProcess.unprivileged(command(arguments)));
    }

    /** The command line up to the name of the command, for a script. */
    public static String shellCommand() {
        return String.join(" ", jvm().stream().map(word -> "'" + word + "'").toList());
    }

    private static List<String> command(String... arguments) {
        List<String> command = new ArrayList<>(jvm());
        command.addAll(Arrays.asList(arguments));
        return command;
    }

    private static Programs.Result run(Duration limit, Map<String, String> environment, List<String> command) {
        try (ExternalProcess process = ExternalProcess.start(command, environment)) {
            int status = process.awaitExit(limit);
            return new Programs.Result(command, status, process.output());
        }
    }

    /** The command line up to the name of the command. */
    static List<String> jvm() {
        List<String> line = new ArrayList<>(java().toList());
        line.addAll(ClassArchive.classPathOptions());
        line.add(MAIN);
        return line;
    }

    /** The java that runs the tests, with the options of the relay's JVM but for its classes. */
    static Stream<String> java() {
        return Stream.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Xmx256m",
                "-XX:MaxDirectMemorySize=256m",
                "-XX:TieredStopAtLevel=1");
    }
}
