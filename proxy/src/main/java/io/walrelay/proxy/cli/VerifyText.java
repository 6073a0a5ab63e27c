package io.walrelay.proxy.cli;

import java.util.Optional;

/** A {@link VerifyReport} for people. */
final class VerifyText {

    private final VerifyReport report;
    private final StringBuilder page = new StringBuilder();

    private VerifyText(VerifyReport report) {
        this.report = report;
    }

    static String render(VerifyReport report) {
        VerifyText text = new VerifyText(report);
        text.line("cluster %s: %s".formatted(report.system(), report.places()));
        report.branches().stream().filter(text::isRoot).forEach(branch -> text.branch(branch, ""));
        report.problems().forEach(problem -> text.line("PROBLEM  %s: %s".formatted(problem.kind(), problem.message())));
        report.unread().forEach(unread -> text.line("COULD NOT LOOK  %s: %s".formatted(unread.what(), unread.reason())));
        if (!report.vanished().isEmpty()) {
            text.line("went away while it was read: %s%s".formatted(
                    report.vanished().getFirst(), report.vanished().size() == 1 ? "" : " and %d more".formatted(report.vanished().size() - 1)));
        }
        text.line(text.summary());
        report.recovery().ifPresent(answer -> text.line(text.recovery(answer)));
        return text.page.toString();
    }

    /** Lineages below the one that they part from. */
    private void branch(VerifyReport.Branch branch, String indent) {
        line("%s%s %d  lineage %s%s".formatted(
                indent,
                branch.standing().equals("orphan") ? "orphan of timeline" : "timeline",
                branch.timeline(),
                branch.lineage(),
                branch.fork().map(fork -> "  past the fork at " + fork).orElse("")));
        branch.ranges().forEach(range -> range(range, indent + "  "));
        branch.end().ifPresent(end -> line("%s  the end: %s".formatted(indent, end)));
        report.branches().stream().filter(child -> child.parent().equals(Optional.of(branch.lineage()))).forEach(child -> branch(child, indent + "    "));
    }

    private boolean isRoot(VerifyReport.Branch branch) {
        return report.branches().stream().noneMatch(other -> branch.parent().equals(Optional.of(other.lineage())));
    }

    private void range(VerifyReport.Range range, String indent) {
        String before = range.heldFrom().equals(range.from()) ? "" : "  (from %s on the rest of a record that began earlier)".formatted(range.heldFrom());
        line("%s%s to %s  %s%s".formatted(indent, range.from(), range.to(), report.quick() ? "is there" : "good", before));
    }

    private String summary() {
        String read = report.quick() ? "only names looked at, and lengths on the local disk" : ProgressLines.size(report.bytesRead()) + " read";
        String wrong = switch (report.problems().size()) {
            case 0 -> report.unread().isEmpty() ? "nothing is wrong" : "nothing wrong was found, but not all could be looked at";
            case 1 -> "1 problem";
            default -> (report.problems().size() + report.moreProblems()) + " problems" + (report.moreProblems() > 0 ? ", not all of them told" : "");
        };
        return "%s; %s".formatted(read, wrong);
    }

    private String recovery(VerifyReport.Answer answer) {
        String what = "recovery from %s to %s along lineage %s".formatted(answer.from(), answer.to(), answer.lineage());
        return switch (answer.verdict()) {
            case "possible" -> "%s: has all that it needs%s".formatted(what, report.quick() ? ", by name; nothing was read" : "");
            case "impossible" -> "%s: WOULD END at %s: %s".formatted(what, answer.at().orElse(""), answer.reason().orElse(""));
            default -> "%s: not known at %s: %s".formatted(what, answer.at().orElse(""), answer.reason().orElse(""));
        };
    }

    private void line(String text) {
        page.append(text).append('\n');
    }
}
