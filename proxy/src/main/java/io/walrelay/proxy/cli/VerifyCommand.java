package io.walrelay.proxy.cli;

import io.walrelay.cache.verify.Progress;
import io.walrelay.cache.verify.Recovery;
import io.walrelay.cache.verify.Report;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.config.KeepingSettings;
import io.walrelay.proxy.http.Json;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code walrelay verify}: whether all that is kept is good, and whether a recovery would find what it needs. */
@Command(
        name = "verify",
        description = {
            "Read the local disk and the whole archive: gaps, page headers, the chain of records and their checksums, forks, orphans, damaged objects. Changes nothing; the relay may run or not, or be gone.",
            "With --from and --to the exit status is about that recovery alone."
        },
        exitCodeList = {"0:Nothing is wrong.", "1:Something is.", "2:Something could not be looked at, or the command line can't be understood."},
        footer = {"  walrelay verify -c /etc/walrelay.yaml", "  walrelay verify --archive file:///mnt/archive --from 16/B374D848 --to 17/1000000"})
final class VerifyCommand implements Callable<Integer> {

    /** As for a command line that can't be understood: nothing was found out. */
    static final int COULD_NOT_LOOK = Main.USAGE;

    /** Positions in PostgreSQL's form. */
    static final class LsnConverter implements ITypeConverter<Lsn> {
        @Override
        public Lsn convert(String text) {
            return Lsn.parse(text);
        }
    }

    /** System identifiers. */
    static final class SystemConverter implements ITypeConverter<SystemId> {
        @Override
        public SystemId convert(String text) {
            return SystemId.parse(text);
        }
    }

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Mixin
    private final SettingsOptions options = new SettingsOptions();

    @Option(names = "--system", paramLabel = "ID", converter = SystemConverter.class, description = "The cluster, by its system identifier, of an archive that has several.")
    private @Nullable SystemId system;

    @Option(names = "--from", paramLabel = "LSN", converter = LsnConverter.class, description = "Would a recovery work that begins here …")
    private @Nullable Lsn from;

    @Option(names = "--to", paramLabel = "LSN", converter = LsnConverter.class, description = "… and has to come to here?")
    private @Nullable Lsn to;

    @Option(
            names = "--timeline",
            paramLabel = "TIMELINE|LINEAGE",
            description = "The timeline of that recovery, or its lineage, like 2@0/3002830, when the number was taken twice (default: the relay's own; without one, the newest).")
    private @Nullable String timeline;

    @Option(names = "--quick", description = "Look at names, and lengths on the local disk, only, and read no WAL.")
    private boolean quick;

    @Mixin
    private final FormatOption format = new FormatOption();

    @Override
    public Integer call() throws InvalidSettingsException, InterruptedException {
        if ((from == null) != (to == null) || (timeline != null && from == null)) {
            throw new ParameterException(spec.commandLine(), "expected --from and --to together, and --timeline only with them");
        }
        if (from != null && to != null && !to.isAfter(from)) {
            throw new ParameterException(spec.commandLine(), "--to %s does not come after --from %s".formatted(to, from));
        }
        KeepingSettings keeping = options.concludeKeeping();
        try (VerifySource source = new VerifySource(keeping)) {
            Progress progress = new Progress();
            Report report;
            try (ProgressLines _ = new ProgressLines(progress, spec.commandLine().getErr())) {
                report = source.verification(Optional.ofNullable(system), quick, progress).run();
            }
            Optional<VerifyReport.Answer> answer;
            try {
                answer = answer(report, source.knowsOwnLineage());
            } catch (IOException e) {
                // What was read for hours is told all the same.
                print(VerifyReport.of(report, source.places(), Optional.empty()));
                throw e;
            }
            VerifyReport printed = VerifyReport.of(report, source.places(), answer);
            print(printed);
            return printed.status();
        } catch (IOException | RuntimeException e) {
            // Whatever it was: an exit status of 1 would say that something is wrong with what is kept.
            spec.commandLine().getErr().println("walrelay: " + (e.getMessage() == null ? e.toString() : e.getMessage()));
            return COULD_NOT_LOOK;
        }
    }

    private Optional<VerifyReport.Answer> answer(Report report, boolean ownKnown) throws IOException {
        if (from == null || to == null) {
            return Optional.empty();
        }
        TimelineHistory lineage = lineage(report, ownKnown);
        return Optional.of(VerifyReport.Answer.of(lineage, from, to, Recovery.along(report, lineage, from, to)));
    }

    private TimelineHistory lineage(Report report, boolean ownKnown) throws IOException {
        List<TimelineHistory> all = report.branches().stream().map(Report.Branch::lineage).toList();
        if (all.isEmpty()) {
            throw new IOException(report.unread().stream()
                    .findFirst()
                    .map(unread -> "%s could not be looked at: %s".formatted(unread.what(), unread.reason()))
                    .orElseGet(() -> "nothing is kept of cluster %s".formatted(report.system())));
        }
        if (timeline == null) {
            if (!ownKnown && report.mayHaveOtherLineages()) {
                throw new IOException("not all lineages are known, so the newest is not; expected --timeline with one of: " + ids(all));
            }
            return all.getFirst();
        }
        List<TimelineHistory> meant = Recovery.lineages(report, timeline);
        if (meant.size() != 1) {
            throw new IOException("--timeline %s is %s; expected one of: %s".formatted(
                    timeline, meant.isEmpty() ? "not there" : "more than one lineage", ids(meant.isEmpty() ? all : meant)));
        }
        return meant.getFirst();
    }

    private static String ids(List<TimelineHistory> lineages) {
        return lineages.stream().map(TimelineHistory::id).collect(Collectors.joining(", "));
    }

    private void print(VerifyReport report) {
        PrintWriter out = spec.commandLine().getOut();
        switch (format.get()) {
            case TEXT -> out.print(VerifyText.render(report));
            case JSON -> out.println(Json.MAPPER.writeValueAsString(report));
        }
        out.flush();
    }
}
