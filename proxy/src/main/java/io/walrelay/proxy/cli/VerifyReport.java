package io.walrelay.proxy.cli;

import io.walrelay.cache.verify.Problem;
import io.walrelay.cache.verify.Recovery;
import io.walrelay.cache.verify.Report;
import io.walrelay.cache.verify.Span;
import io.walrelay.cache.verify.StoredFile;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What {@code walrelay verify} prints: positions as PostgreSQL prints them, sizes in bytes.
 *
 * @param moreProblems how many were found that are too many to be told
 * @param recovery the answer, if it was asked for
 */
record VerifyReport(
        String system,
        String places,
        int segmentSize,
        boolean quick,
        long bytesRead,
        List<Branch> branches,
        List<Found> problems,
        long moreProblems,
        List<Unread> unread,
        List<String> vanished,
        Optional<Answer> recovery) {

    /** A lineage. {@code parent} and {@code fork}: which one it parts from, and where. */
    record Branch(String lineage, long timeline, String standing, Optional<String> parent, Optional<String> fork, List<Range> ranges, Optional<String> end) {}

    /** Good WAL. {@code heldFrom}: before {@code from} where the rest of a record comes first that can't be proved. */
    record Range(String from, String to, String heldFrom) {}

    record Found(String kind, String file, String message, Optional<String> lineage, Optional<String> from, Optional<String> to) {}

    record Unread(String what, String reason) {}

    /**
     * Whether a recovery would find what it needs.
     *
     * @param verdict possible, impossible or unknown
     * @param at where it would end, or what could not be looked at begins
     */
    record Answer(String lineage, String from, String to, String verdict, Optional<String> at, Optional<String> reason) {

        static Answer of(TimelineHistory lineage, Lsn from, Lsn to, Recovery recovery) {
            return switch (recovery) {
                case Recovery.Possible _ -> new Answer(lineage.id(), from.toString(), to.toString(), "possible", Optional.empty(), Optional.empty());
                case Recovery.Impossible(var at, var reason) ->
                    new Answer(lineage.id(), from.toString(), to.toString(), "impossible", Optional.of(at.toString()), Optional.of(reason));
                case Recovery.Unknown(var at, var reason) ->
                    new Answer(lineage.id(), from.toString(), to.toString(), "unknown", Optional.of(at.toString()), Optional.of(reason));
            };
        }
    }

    static VerifyReport of(Report report, String places, Optional<Answer> recovery) {
        return new VerifyReport(
                report.system().toString(),
                places,
                report.segmentSize().bytes(),
                report.quick(),
                report.bytes(),
                report.branches().stream().map(VerifyReport::branch).toList(),
                report.problems().stream().map(VerifyReport::found).toList(),
                report.moreProblems(),
                report.unread().stream().map(unread -> new Unread(unread.what(), unread.reason())).toList(),
                report.vanished().stream().map(StoredFile::path).toList(),
                recovery);
    }

    private static Branch branch(Report.Branch branch) {
        return new Branch(
                branch.lineage().id(),
                branch.lineage().timeline().toLong(),
                branch.standing().name().toLowerCase(Locale.ROOT),
                branch.parent(),
                branch.fork().map(Lsn::toString),
                branch.ranges().stream().map(range -> new Range(range.from().toString(), range.to().toString(), range.heldFrom().toString())).toList(),
                branch.end());
    }

    private static Found found(Problem problem) {
        Optional<Span> span = problem.span();
        return new Found(
                problem.kind(),
                problem.file(),
                problem.message(),
                span.map(s -> s.lineage().id()),
                span.map(s -> s.from().toString()),
                span.map(s -> s.to().toString()));
    }

    /** 0: nothing is wrong, or the recovery is possible; 1: something is, or it is not; 2: what decides it could not be looked at. */
    int status() {
        if (recovery.isPresent()) {
            return switch (recovery.get().verdict()) {
                case "possible" -> Main.OK;
                case "impossible" -> Main.FAILURE;
                default -> VerifyCommand.COULD_NOT_LOOK;
            };
        }
        return !problems.isEmpty() ? Main.FAILURE : !unread.isEmpty() ? VerifyCommand.COULD_NOT_LOOK : Main.OK;
    }
}
