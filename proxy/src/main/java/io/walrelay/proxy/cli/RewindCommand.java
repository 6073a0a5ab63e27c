package io.walrelay.proxy.cli;

import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.command.SlotName;
import io.walrelay.proxy.client.Relays;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.InvalidConninfoException;
import io.walrelay.proxy.http.Json;
import io.walrelay.rewind.HeldWal;
import io.walrelay.rewind.Rewind;
import io.walrelay.rewind.RewindReport;
import io.walrelay.rewind.RewindRequest;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.rewind.source.DirectorySource;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.rewind.source.ServerSource;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code walrelay rewind}: pg_rewind's options, and more. */
@Command(
        name = "rewind",
        exitCodeOnInvalidInput = Main.FAILURE,
        description = {
            "Make a data directory whose server went its own way a follower of another again. What it takes is pg_rewind's; a kill at any instant leaves a directory that the next run, or --undo, puts right."
        },
        exitCodeList = {
            "0:It is rewound, or needs no rewind.",
            "1:It is not, and is as it was unless the message says otherwise, and then what to run."
        },
        footer = {
            "  walrelay rewind -D data --source-server \"host=pg2 user=rewind\" --dry-run",
            "  walrelay rewind -D data --source-server \"host=pg2 user=rewind\" -R -P --relay https://relay:8433",
            "  walrelay rewind -D data --undo"
        })
final class RewindCommand implements Callable<Integer> {

    private static final int DEFAULT_JOBS = 4;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Option(names = {"-D", "--target-pgdata"}, paramLabel = "DIRECTORY", description = "The data directory to change; its server is stopped.")
    private @Nullable Path target;

    @Option(names = "--source-pgdata", paramLabel = "DIRECTORY", description = "The data directory to become equal to; its server is stopped.")
    private @Nullable Path sourceDirectory;

    @Option(names = "--source-server", paramLabel = "CONNSTR", description = "The server to become equal to: a primary or a hot standby. Nothing is written on it.")
    private @Nullable String sourceServer;

    @Option(names = {"-R", "--write-recovery-conf"}, description = "Make the target a standby of the source (with --source-server), or of the relay (with --relay).")
    private boolean writeRecoveryConf;

    @Option(names = {"-n", "--dry-run"}, description = "Decide, print with --debug or --format json what would be done, and change nothing.")
    private boolean dryRun;

    @Option(names = {"-N", "--no-sync"}, description = "As of pg_rewind. What was changed is made durable all the same, since a kill could hurt it else.")
    @SuppressWarnings("UnusedVariable") // Scripts may give it.
    private boolean noSync;

    @Option(names = {"-P", "--progress"}, description = "Say how far it is.")
    private boolean progress;

    @Option(names = {"-c", "--restore-target-wal"}, description = "Fetch the target's older WAL by the restore_command of its configuration.")
    private boolean restoreTargetWal;

    @Option(names = "--config-file", paramLabel = "FILE", description = "The target's configuration, where it lies outside of the data directory; for its restore_command.")
    private @Nullable Path configFile;

    @Option(names = "--no-ensure-shutdown", description = "Refuse a target that was not shut down cleanly (default: it is rewound as the crash left it, and no server is started on it).")
    private boolean noEnsureShutdown;

    @Option(names = "--debug", description = "Say why, and what is done to each file.")
    private boolean debug;

    @Option(names = "-?", usageHelp = true, description = "This text.")
    @SuppressWarnings("UnusedVariable") // picocli acts on it.
    private boolean help;

    @Option(names = "--jobs", paramLabel = "N", description = "How many connections fetch at once (default: " + DEFAULT_JOBS + ").")
    private int jobs = DEFAULT_JOBS;

    @Option(names = "--relay", paramLabel = "URL[,URL]", description = "The HTTP port of a relay from which the target will stream: no WAL is copied, WAL of the target that is gone comes from there, and a slot is made there.")
    private @Nullable String relay;

    @Option(names = "--relay-conninfo", paramLabel = "CONNSTR", description = "The relay's PostgreSQL port, for primary_conninfo (with --relay and -R; default: the host and port that the relay advertises, and all else as in --source-server).")
    private @Nullable String relayConninfo;

    @Option(names = "--relay-slot", paramLabel = "NAME", description = "The slot on the relay (default: rewound_ and this machine's name).")
    private @Nullable String relaySlot;

    @Option(names = "--checkpoint", description = "Make a checkpoint on the source afterwards, so that the next rewind has less to replay; its role must be allowed to.")
    private boolean checkpoint;

    @Option(names = "--copy-config", description = "With --relay, too, take the source's configuration files.")
    private boolean copyConfig;

    @Option(names = "--journal", paramLabel = "DIRECTORY", description = "Where the target's old state is kept until the end, when its data directory is a mount point (default: beside the data directory). It must be there for --undo as well.")
    private @Nullable Path journal;

    @Option(names = "--undo", description = "Put back what a rewind that was killed has changed, and do no more.")
    private boolean undo;

    @Mixin
    private final RelayCredentials credentials = new RelayCredentials();

    @Mixin
    private final FormatOption format = new FormatOption();

    @Parameters(hidden = true)
    private List<String> more = List.of();

    @Override
    public Integer call() {
        RewindConsole console = new RewindConsole(spec.commandLine().getErr(), progress, debug);
        try {
            Path directory = check();
            if (undo) {
                console.info(Rewind.undo(directory, journal()) ? "put back as it was before the rewind" : "nothing to put back: no rewind of %s is unfinished".formatted(directory));
                return Main.OK;
            }
            if (relay != null) {
                RelayChanges.loadAhead();
            }
            RewindReport report;
            try (RewindSource source = source()) {
                if (writeRecoveryConf && relay == null && source instanceof ServerSource server) {
                    warnIfItCanNotStream(server, console);
                }
                report = new Rewind(request(directory), source, console).run();
            }
            try {
                report = checkpoint(report, console);
            } finally {
                print(report);
            }
            if (relay != null && !writeRecoveryConf && report.outcome() == RewindReport.Outcome.REWOUND) {
                console.info("the relay keeps WAL for the target in slot \"%s\"; when it follows by another: walrelay slot drop %s".formatted(slot(), slot()));
            }
            return Main.OK;
        } catch (RefusedException e) {
            console.error(String.valueOf(e.getMessage()));
            e.hint().ifPresent(console::hint);
            return Main.FAILURE;
        } catch (InvalidConninfoException e) {
            console.error("--source-server: " + e.getMessage());
            return Main.FAILURE;
        } catch (IOException | RuntimeException e) {
            console.error(RewindConsole.message(e));
            return Main.FAILURE;
        }
    }

    private Path check() throws IOException, RefusedException {
        Path directory = requireOptions();
        if (isRoot()) {
            throw new RefusedException("cannot be executed by \"root\"", "You must run walrelay rewind as the PostgreSQL superuser.");
        }
        return directory;
    }

    /**
     * Whether the options go together; in pg_rewind's order and words, since its users have scripts that look for them.
     *
     * @return the target
     */
    Path requireOptions() throws IOException, RefusedException {
        String help = "Try \"walrelay rewind --help\" for more information.";
        if (sourceDirectory == null && sourceServer == null && !undo) {
            throw noSource(help);
        }
        if (sourceDirectory != null && sourceServer != null) {
            throw new RefusedException("only one of --source-pgdata or --source-server can be specified", help);
        }
        if (target == null) {
            throw new RefusedException("no target data directory specified (--target-pgdata)", help);
        }
        if (writeRecoveryConf && sourceServer == null && relay == null) {
            throw new RefusedException("no source server information (--source-server) specified for --write-recovery-conf", help);
        }
        if (!undo && relayConninfo != null && (relay == null || !writeRecoveryConf)) {
            throw new RefusedException("--relay-conninfo is for the primary_conninfo that -R writes: expected --relay and -R with it", help);
        }
        if (relay != null && copyConfig && !writeRecoveryConf) {
            throw new RefusedException("--relay copies no WAL, and with --copy-config the target loses its restore_command: expected -R with them", help);
        }
        refuseIgnored(help);
        requireConninfo();
        if (!more.isEmpty()) {
            throw new RefusedException("too many command-line arguments (first is \"%s\")".formatted(more.getFirst()), help);
        }
        if (jobs < 1 || jobs > 64) {
            throw new RefusedException("--jobs is %d; expected 1 to 64".formatted(jobs), help);
        }
        Path directory = target.toAbsolutePath().normalize();
        refuseItself(directory);
        return directory;
    }

    /** Whoever gives them expects another rewind than there would be. With --undo, the rest of the line may be what was run before. */
    private void refuseIgnored(String help) throws RefusedException {
        if (!undo && relay == null && relaySlot != null) {
            throw new RefusedException("--relay-slot is of use with --relay, which is not given", help);
        }
        if (!undo && checkpoint && sourceServer == null) {
            throw new RefusedException("--checkpoint needs a server to make it: expected --source-server", help);
        }
    }

    /** It is written into primary_conninfo, and only the rewound server would find out. */
    private void requireConninfo() throws RefusedException {
        try {
            if (relayConninfo != null) {
                var _ = Conninfo.parseAsClient(relayConninfo, System.getenv());
            }
        } catch (InvalidConninfoException e) {
            throw new RefusedException("--relay-conninfo: " + e.getMessage());
        }
    }

    /** Which is never meant; it would be "on the same timeline". */
    private void refuseItself(Path directory) throws IOException, RefusedException {
        if (sourceDirectory != null && Files.exists(sourceDirectory) && Files.exists(directory) && Files.isSameFile(sourceDirectory, directory)) {
            throw new RefusedException("source and target are the same data directory: %s".formatted(directory), "-D is the one to change, --source-pgdata the one to become equal to.");
        }
    }

    /** So ends what a server that is started on a half changed directory says to run. */
    private RefusedException noSource(String help) throws IOException {
        String message = "no source specified (--source-pgdata or --source-server)";
        if (target == null || !Files.isDirectory(target) || DirectoryChange.leftover(target, journal()) != Leftover.UNFINISHED) {
            return new RefusedException(message, help);
        }
        String command = DirectoryChange.command(target, journal());
        return new RefusedException("%s, and an earlier rewind of %s is unfinished".formatted(message, target),
                "Put it back as it was: %s --undo; or begin anew, with the options of that rewind: %s --source-server CONNSTR".formatted(command, command));
    }

    /** Files that root writes the server could not read. */
    private static boolean isRoot() throws IOException {
        Path self = Path.of("/proc/self");
        return Files.exists(self) ? Integer.valueOf(0).equals(Files.getAttribute(self, "unix:uid")) : "root".equals(System.getProperty("user.name"));
    }

    /** A role that is only made for rewinds, perhaps: then the server starts and waits for WAL that never comes. */
    private static void warnIfItCanNotStream(ServerSource server, RewindConsole console) throws IOException {
        Optional<String> role = server.roleThatMayNotStream();
        if (role.isPresent()) {
            console.info("warning: -R writes a primary_conninfo with the role %s, which has no REPLICATION: the target will not stream with it".formatted(role.get()));
            console.hint("On the source: ALTER ROLE %s REPLICATION".formatted(role.get()));
        }
    }

    private RewindSource source() throws IOException, RefusedException {
        if (sourceDirectory != null) {
            return new DirectorySource(sourceDirectory.toAbsolutePath().normalize());
        }
        return SourceServers.open(String.valueOf(sourceServer), System.getenv(), jobs);
    }

    private RewindRequest request(Path directory) throws IOException, RefusedException {
        Optional<HeldWal> held = Optional.empty();
        Optional<String> standbyOf = Optional.empty();
        if (relay != null) {
            String slot = slot();
            RelayOfRewind asked = new RelayOfRewind(credentials.relays(relays(relay), RelayOfRewind.SILENCE), slot);
            held = Optional.of(asked);
            if (writeRecoveryConf) {
                standbyOf = Optional.of(setting("primary_conninfo", primaryConninfo(asked)) + setting("primary_slot_name", slot));
            }
        } else if (writeRecoveryConf) {
            standbyOf = Optional.of(setting("primary_conninfo", Conninfo.primaryConninfo(String.valueOf(sourceServer), System.getenv())));
        }
        return new RewindRequest(
                directory,
                !noEnsureShutdown,
                restoreTargetWal,
                Optional.ofNullable(configFile).map(Path::toAbsolutePath),
                dryRun,
                standbyOf,
                held,
                copyConfig,
                journal(),
                System.getenv());
    }

    /** What the source's followers begin to replay at; made if that is asked for, suggested when it is worth while. */
    private RewindReport checkpoint(RewindReport report, RewindConsole console) throws IOException {
        if (checkpoint && sourceServer != null && !dryRun) {
            SourceServers.checkpoint(sourceServer, System.getenv());
            console.info("the source has made a checkpoint");
            return report.withCheckpoint();
        }
        report.checkpoint().ifPresent(reason -> console.info(
                "a checkpoint on the source would shorten the next recovery or rewind: %s; run CHECKPOINT there, or give --checkpoint the next time".formatted(reason)));
        return report;
    }

    private String primaryConninfo(RelayOfRewind asked) throws IOException, RefusedException {
        if (relayConninfo != null) {
            return relayConninfo;
        }
        String address = asked.advertised().orElseThrow(() -> new RefusedException("the relay does not say where its PostgreSQL port is",
                "Give --relay-conninfo \"host=… port=… user=…\", or set advertise.conninfo in the relay's configuration."));
        return Conninfo.primaryConninfo(address, sourceServer == null ? "" : sourceServer, System.getenv());
    }

    private Optional<Path> journal() {
        return Optional.ofNullable(journal).map(Path::toAbsolutePath);
    }

    /** As a configuration file has it (PostgreSQL: guc-file.l). */
    private static String setting(String name, String value) {
        return "%s = '%s'\n".formatted(name, value.replace("\\", "\\\\").replace("'", "''"));
    }

    private static List<URI> relays(String urls) throws RefusedException {
        try {
            return Relays.parse(urls);
        } catch (IllegalArgumentException e) {
            throw new RefusedException("--relay: " + e.getMessage());
        }
    }

    private String slot() throws RefusedException {
        String name = relaySlot == null ? "rewound_" + hostName().toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_]", "_") : relaySlot;
        try {
            return new SlotName(name).value();
        } catch (CommandError e) {
            throw new RefusedException("--relay-slot: " + e.diagnostic().message());
        }
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "here";
        }
    }

    private void print(RewindReport report) {
        if (format.get() == FormatOption.Format.JSON) {
            spec.commandLine().getOut().println(Json.MAPPER.writeValueAsString(RewindSummary.of(report)));
            spec.commandLine().getOut().flush();
        }
    }
}
