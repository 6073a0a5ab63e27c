package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.FileFailure;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.config.LogSettings;
import io.walrelay.proxy.servers.TlsClient;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code walrelay}: finds the command and turns its outcome into an exit status. */
@Command(
        name = "walrelay",
        description = "A WAL relay for PostgreSQL: one stream in, many standbys out.",
        footer = {"  walrelay demo --seconds 20 --check", "  walrelay serve -c /etc/walrelay.yaml", "  walrelay status --watch"},
        mixinStandardHelpOptions = true,
        scope = CommandLine.ScopeType.INHERIT,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND")
public final class Main implements Callable<Integer> {

    /** The command did what it says. */
    public static final int OK = 0;

    /** It did not; standard error says why. */
    public static final int FAILURE = 1;

    /** The command line or the configuration can't be understood. */
    public static final int USAGE = 2;

    /**
     * Commands that leave nothing to do at the JVM's end, and are short of time. {@link System#exit} first looks for who might log it, in all jars, which takes a
     * tenth of what these take in all.
     */
    private static final Set<String> LEAVE_NOTHING = Set.of("restore", "push", "rewind");

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    public static void main(String[] arguments) {
        // When an answer does not come, Java is not to POST again behind our back: it may have made a slot. Read once, when HTTP is first spoken.
        System.setProperty("sun.net.http.retryPost", "false");
        // Else picocli looks into a hundred jars for a class of Groovy's, which takes a tenth of the start of a command.
        System.setProperty("picocli.disable.closures", "true");
        int status = run(arguments);
        if (arguments.length > 0 && LEAVE_NOTHING.contains(arguments[0])) {
            halt(status);
        }
        System.exit(status);
    }

    /** Returns where it is not for us to end the process like this. */
    private static void halt(int status) {
        // Who gives the JVM options may want what it does at its end, as to write down what it has recorded.
        String options = System.getenv("WALRELAY_JAVA_OPTS");
        if (options == null || options.isEmpty()) {
            try {
                Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(() -> {}));
            } catch (IllegalStateException signalled) {
                return; // Its status is that of the signal.
            }
            System.out.flush();
            System.err.flush();
            Runtime.getRuntime().halt(status);
        }
    }

    /** Runs a command in this process; what {@link #main} exits with. */
    static int run(String... arguments) {
        return switch (arguments.length == 0 ? "" : arguments[0]) {
            // PostgreSQL runs them for every file: they start alone, and write no log whose settings could be wrong.
            case "restore" -> told(commandLine(new RestoreCommand()).execute(arguments));
            case "push" -> commandLine(new PushCommand()).execute(arguments);
            // The others' options need not be made for it, and are half of what its start takes.
            case "rewind" -> runWithLog(() -> rewind(arguments), arguments);
            case RewindRehearsal.NAME -> {
                quickly();
                yield RewindRehearsal.run();
            }
            default -> runWithLog(Main::commandLine, arguments);
        };
    }

    /** A rewind is to be over in a second or two, of which each part of a start is a part. */
    private static CommandLine rewind(String... arguments) {
        quickly();
        if (Stream.of(arguments).anyMatch(argument -> argument.startsWith("--source-server"))) {
            TlsClient.loadAhead();
        }
        return commandLine(new RewindCommand());
    }

    private static void quickly() {
        // Its events are for those who look into a server that runs; to make their classes takes as long as to connect.
        System.setProperty("io.netty.jfr.enabled", "false");
        ConsoleLog.useUnlessAsked();
    }

    /** A JVM that does not start exits with 1; so that nobody takes that for a file that is absent, the launcher wants another status for it. */
    private static int told(int status) {
        return status == FAILURE ? Integer.getInteger("walrelay.exit-status-1", FAILURE) : status;
    }

    private static int runWithLog(Supplier<CommandLine> line, String... arguments) {
        try {
            LogSettings.check(System.getProperties(), System.getenv());
        } catch (InvalidSettingsException e) {
            e.problems().forEach(problem -> System.err.println("walrelay: " + problem));
            return USAGE;
        }
        return line.get().execute(arguments);
    }

    /** All commands there are: a new one is a class with picocli's annotations and a line here. */
    static CommandLine commandLine() {
        return commandLine(
                new DemoCommand(),
                new ServeCommand(),
                new CheckCommand(),
                new SetupSqlCommand(),
                new StatusCommand(),
                new WhyCommand(),
                new FollowCommand(),
                new ReloadCommand(),
                new SlotCommand(),
                new StandbyCommand(),
                new PinCommand(),
                new RestoreCommand(),
                new PushCommand(),
                new VerifyCommand(),
                new RewindCommand(),
                new CompletionCommand());
    }

    private static CommandLine commandLine(Object... commands) {
        CommandLine line = new CommandLine(new Main());
        for (Object command : commands) {
            line.addSubcommand(command);
        }
        HelpLayout.apply(line);
        return line.setCaseInsensitiveEnumValuesAllowed(true).setParameterExceptionHandler(Main::misunderstood).setExecutionExceptionHandler(Main::report);
    }

    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getErr());
        return USAGE;
    }

    /** As PostgreSQL's programs: what is wrong, which a page of help after it would carry out of sight, and where that page is. */
    private static int misunderstood(ParameterException mistake, String... arguments) {
        CommandLine command = mistake.getCommandLine();
        PrintWriter err = command.getErr();
        err.println(mistake.getMessage());
        CommandLine.UnmatchedArgumentException.printSuggestions(mistake, err);
        err.printf("Try \"%s --help\" for more information.%n", command.getCommandSpec().qualifiedName());
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    private static int report(Exception failure, CommandLine command, CommandLine.ParseResult parsed) {
        if (failure instanceof InvalidSettingsException invalid) {
            invalid.problems().forEach(problem -> command.getErr().println("walrelay: " + problem));
            return USAGE;
        }
        command.getErr().println("walrelay: " + message(failure));
        return FAILURE;
    }

    private static String message(Exception failure) {
        if (failure instanceof IOException io) {
            return FileFailure.message(io);
        }
        return failure.getMessage() == null ? failure.toString() : failure.getMessage();
    }
}
