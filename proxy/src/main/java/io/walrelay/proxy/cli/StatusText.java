package io.walrelay.proxy.cli;

import io.walrelay.proxy.http.Horizon;
import io.walrelay.proxy.http.SlotSyncReport;
import io.walrelay.proxy.http.HotStandby;
import io.walrelay.proxy.http.StatusReport;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A status as a page for a terminal. What clients named themselves is printed without control characters. */
final class StatusText {

    private static final int EVENTS_SHOWN = 8;
    private static final String UNKNOWN = "-";

    /** From here on a lag stands out; from the other on it is what the alert rules wait for. */
    private static final long LAG_TO_NOTICE = 64L << 20;
    private static final long LAG_TO_MEND = 1L << 30;

    private final StatusReport report;
    private final boolean colours;
    private final StringBuilder page = new StringBuilder();

    private StatusText(StatusReport report, boolean colours) {
        this.report = report;
        this.colours = colours;
    }

    static String render(StatusReport report) {
        return render(report, false);
    }

    /** @param colours whether what needs somebody's attention stands out */
    static String render(StatusReport report, boolean colours) {
        StatusText text = new StatusText(report, colours);
        text.head();
        text.upstream(report.upstream());
        report.acknowledge().ifPresent(text::acknowledge);
        report.wal().ifPresent(text::wal);
        report.archive().ifPresent(text::archive);
        text.standbys();
        text.slots();
        text.slotSync(report.slotSync());
        text.feedback(report.feedback());
        text.shaping();
        text.peers();
        text.events();
        return text.page.toString();
    }

    private void head() {
        line(Piece.bold("walrelay"),
                Piece.of(" %s  up %s  ".formatted(report.version(), time(report.uptimeSeconds()))),
                report.ready() ? Piece.good("ready") : Piece.bad("NOT READY"));
        report.reasons().forEach((kind, reason) -> bad("  %s: %s".formatted(kind, reason)));
    }

    private void upstream(StatusReport.Upstream upstream) {
        line("");
        line(Piece.bold("upstream"),
                Piece.of("   %s  ".formatted(upstream.host().orElse("(none yet)"))),
                upstream.state().equals("streaming") ? Piece.good("streaming") : Piece.bad(upstream.state()),
                Piece.of(" for %s%s".formatted(age(upstream.since()), upstream.lastMessage().map(at -> ", last heard of " + age(at) + " ago").orElse(""))));
        upstream.beyond().ifPresent(beyond -> line("           a relay, behind %s".formatted(
                String.join(", behind ", Stream.concat(beyond.hosts().stream(), beyond.complete() ? Stream.empty() : Stream.of("nobody now, or more than are told")).toList()))));
        upstream.problem().ifPresent(problem -> bad("           " + problem));
        line("           end %s  behind %s  acknowledged %s".formatted(
                upstream.end().orElse(UNKNOWN), size(upstream.lagBytes()), upstream.acknowledged().orElse(UNKNOWN)));
    }

    private void acknowledge(StatusReport.Acknowledge it) {
        if (it.members().isEmpty()) {
            return;
        }
        line("           acknowledge %s: %s".formatted(it.policy(), stages(it.write(), it.flush(), it.replay())));
        it.members().forEach(member -> line("             %s  %s: %s%s".formatted(
                member.name(),
                member.connected() ? "connected" : "away",
                stages(member.write(), member.flush(), member.replay()),
                member.waitedFor() ? "  waited for" : "")));
        it.commitsWaitSince().ifPresent(since -> bad("           COMMITS HAVE WAITED for %s: %s".formatted(String.join(", ", it.commitsWaitFor()), age(since))));
    }

    private static String stages(Optional<String> write, Optional<String> flush, Optional<String> replay) {
        return "written %s  flushed %s  replayed %s".formatted(write.orElse(UNKNOWN), flush.orElse(UNKNOWN), replay.orElse(UNKNOWN));
    }

    private void wal(StatusReport.Wal wal) {
        heading("wal        timeline %d  written %s  flushed %s  oldest %s".formatted(wal.timeline(), wal.written(), wal.flushed(), wal.oldest()));
        line("           memory %s  disk %s".formatted(size(wal.memoryBytes()), size(wal.diskBytes())));
        wal.horizon().ifPresent(horizon -> line("           the disk keeps WAL from %s on for %s".formatted(horizon.from(), holder(horizon))));
        hotStandby(wal.hotStandby());
        wal.gaps().forEach(gap -> bad("           GAP from %s to %s".formatted(gap.from(), gap.to())));
        wal.orphans().forEach(orphan -> line(orphan.acknowledged() ? Ink.BAD : Ink.WARNING, "           orphan of timeline %s from %s to %s%s".formatted(
                orphan.lineage(), orphan.fork(), orphan.end(), orphan.acknowledged() ? ", ACKNOWLEDGED: commits may be lost" : "")));
    }

    private void hotStandby(HotStandby known) {
        if (!known.parameters().isEmpty()) {
            HotStandby.Parameters now = known.parameters().getLast();
            line("           standbys need %s%s; wal_level %s".formatted(
                    now.minimums().entrySet().stream().map(s -> s.getKey() + " " + s.getValue()).collect(Collectors.joining(", ")),
                    now.at().map(at -> " from " + at + " on").orElse(""),
                    now.walLevel()));
        }
        known.snapshot().filter(HotStandby.Snapshot::overflowed).ifPresent(snapshot -> line(
                Ink.WARNING, "           too many subtransactions at %s: a standby that starts there has to wait until it answers queries".formatted(snapshot.at())));
        known.removal().ifPresent(removal -> line("           rows removed up to transaction %s, %s at %s%s".formatted(
                removal.horizon().orElse(Long.toString(removal.xid())), removal.record(), removal.at(), removal.time().map(at -> ", " + age(at) + " ago").orElse(""))));
    }

    private void archive(StatusReport.Archive archive) {
        heading("archive    from %s  archived %s  waiting %d files".formatted(archive.from(), archive.archived(), archive.waitingFiles()));
        archive.problem().ifPresent(problem -> bad("           NOTHING IS ARCHIVED: " + problem));
        line("           keeps WAL " + archive.keepSeconds()
                .map(seconds -> "for %s%s".formatted(time(seconds), archive.horizon().map(h -> ", and from %s on for %s".formatted(h.from(), holder(h))).orElse("")))
                .orElse("for ever"));
        archive.keepingProblem().ifPresent(problem -> bad("           NOTHING IS DELETED: " + problem));
        archive.imports().ifPresent(this::imports);
    }

    private void imports(StatusReport.Import imports) {
        line("           %s %s: %d files, %d imported, %d there already, %d beside others, %d refused, %d unreadable".formatted(
                imports.ended() ? "imported" : "imports",
                imports.folder(),
                imports.files(),
                imports.imported(),
                imports.alreadyThere(),
                imports.conflicts(),
                imports.refused(),
                imports.unreadable()));
        imports.problem().ifPresent(problem -> bad("           NOTHING IS IMPORTED: " + problem));
    }

    private static String holder(Horizon horizon) {
        return switch (horizon.kind()) {
            case "slot", "pin" -> "%s \"%s\"".formatted(horizon.kind(), horizon.name().orElse(UNKNOWN));
            case "failover-slot" -> "upstream's failover slot \"%s\"".formatted(horizon.name().orElse(UNKNOWN));
            case "archive" -> "the archive, which has it not yet";
            case "disk" -> "the relay's own disk";
            case "import" -> "the import of " + horizon.name().orElse(UNKNOWN);
            case "orphan" -> "whoever asks what was lost: acknowledged WAL past a fork";
            default -> horizon.kind();
        };
    }

    private void standbys() {
        line("");
        if (report.standbys().isEmpty()) {
            line("no standby is connected");
            return;
        }
        TextTable table = new TextTable("standby", "state", "slot", "client", "sent lag", "write lag", "flush lag", "replay lag");
        for (StatusReport.Standby s : report.standbys()) {
            String state = s.state() + s.held().map(this::held).orElse("");
            boolean behind = !s.state().equals("streaming") || s.held().isPresent();
            table.row(
                    Piece.of(s.name()),
                    behind ? Piece.warning(state) : Piece.good(state),
                    Piece.of(s.slot().orElse(UNKNOWN)),
                    Piece.of(s.client()),
                    lag(s.sent()),
                    lag(s.write()),
                    lag(s.flush()),
                    lag(s.replay()));
        }
        table.pieces().forEach(this::line);
    }

    private String held(StatusReport.Held held) {
        return ", " + held.why() + held.until().map(until -> " for " + time(Math.max(Duration.between(report.at(), until).toMillis(), 0) / 1e3)).orElse("");
    }

    /** What is said of standbys, connected or not; nothing when there is nothing. */
    private void shaping() {
        if (report.shaping().isEmpty()) {
            return;
        }
        line("");
        TextTable table = new TextTable("held back", "delay", "rate", "paused", "released");
        for (StatusReport.Shape s : report.shaping()) {
            table.row(
                    s.name(),
                    s.delaySeconds().map(StatusText::time).orElse(UNKNOWN),
                    s.rateBytes().map(rate -> size(rate) + "/s").orElse(UNKNOWN),
                    s.paused() ? "yes" : "no",
                    s.released().orElse(UNKNOWN));
        }
        table.pieces().forEach(this::line);
    }

    private void slots() {
        line("");
        if (report.slots().isEmpty()) {
            line("no slots");
            return;
        }
        slotTable(report.slots(), report.at()).pieces().forEach(this::line);
    }

    private void feedback(StatusReport.Feedback feedback) {
        if (feedback.xmin().oldest().isPresent() || feedback.catalogXmin().oldest().isPresent()) {
            line("");
        }
        horizon("xmin", feedback.xmin());
        horizon("catalog_xmin", feedback.catalogXmin());
    }

    private void horizon(String kind, StatusReport.XidHorizon horizon) {
        horizon.oldest().ifPresent(oldest -> line("the primary keeps %s %s%s for %s \"%s\"%s".formatted(
                kind,
                oldest.xid(),
                oldest.age().map(age -> ", %d transactions back,".formatted(age)).orElse(""),
                oldest.holder(),
                oldest.name(),
                horizon.capped() ? "; CAPPED: upstream is told %s".formatted(horizon.reported().orElse(UNKNOWN)) : "")));
    }

    /** A table of slots. */
    static List<String> slots(List<StatusReport.Slot> slots, Instant now) {
        return slotTable(slots, now).lines();
    }

    private static TextTable slotTable(List<StatusReport.Slot> slots, Instant now) {
        TextTable table = new TextTable("slot", "active", "restart", "retained", "may hold", "wal_status");
        for (StatusReport.Slot s : slots) {
            Optional<Long> most = s.safeBytes().flatMap(safe -> s.retainedBytes().map(bytes -> bytes + safe));
            boolean used = s.activePid().isPresent() || s.mirrorOf().isPresent();
            table.row(
                    Piece.of(s.name()),
                    used ? Piece.of(activity(s, now)) : Piece.warning(activity(s, now)),
                    Piece.of(s.restartLsn().orElse(UNKNOWN)),
                    nearlyFull(s) ? Piece.bad(size(s.retainedBytes())) : Piece.of(size(s.retainedBytes())),
                    Piece.of(size(most)),
                    walStatus(s.walStatus().orElse(UNKNOWN)));
        }
        return table;
    }

    /** Past four fifths of what it may keep. */
    private static boolean nearlyFull(StatusReport.Slot slot) {
        return slot.safeBytes().flatMap(safe -> slot.retainedBytes().map(bytes -> bytes > 4 * safe)).orElse(false);
    }

    private static Piece walStatus(String status) {
        return switch (status) {
            case "lost" -> Piece.bad(status);
            case "unreserved" -> Piece.warning(status);
            default -> Piece.of(status);
        };
    }

    private static String activity(StatusReport.Slot slot, Instant now) {
        if (slot.mirrorOf().isPresent()) {
            return "at " + slot.mirrorOf().get();
        }
        return slot.activePid().isPresent() ? "yes" : "no" + slot.inactiveSince().map(since -> " for " + age(since, now)).orElse("");
    }

    private void slotSync(SlotSyncReport sync) {
        if (!sync.failoverSlots().isEmpty()) {
            line("");
            TextTable table = new TextTable("failover slot of upstream", "database", "restart", "confirmed", "retained", "invalidated");
            sync.failoverSlots().forEach(s -> table.row(
                    s.name(),
                    s.database(),
                    s.restartLsn().orElse(UNKNOWN),
                    s.confirmedFlushLsn().orElse(UNKNOWN),
                    size(s.retainedBytes()),
                    s.invalidationReason().orElse("no")));
            table.pieces().forEach(this::line);
            sync.problem().ifPresent(problem -> bad("FAILOVER SLOTS CAN'T BE READ: " + problem));
        }
        sync.standbys().forEach(asked -> asked.refusal().ifPresent(why -> bad("NO SLOT IS SYNCHRONISED to the standby of slot \"%s\": %s".formatted(asked.slot(), why))));
    }

    private void peers() {
        if (report.peers().isEmpty()) {
            return;
        }
        line("");
        TextTable table = new TextTable("peer", "state", "slots", "last answer", "problem");
        for (StatusReport.Peer p : report.peers()) {
            String state = "%s for %s".formatted(p.state(), age(p.since()));
            boolean trouble = p.state().equals("away") || p.state().equals("refused");
            table.row(
                    Piece.of(p.url()),
                    trouble ? Piece.bad(state) : Piece.of(state),
                    Piece.of(String.valueOf(p.slots())),
                    Piece.of(p.lastAnswer().map(at -> age(at) + " ago").orElse(UNKNOWN)),
                    Piece.of(p.problem().orElse("")));
        }
        table.pieces().forEach(this::line);
    }

    private void events() {
        List<StatusReport.RecentEvent> all = report.events();
        if (!all.isEmpty()) {
            line("");
        }
        for (StatusReport.RecentEvent event : all.subList(Math.max(0, all.size() - EVENTS_SHOWN), all.size())) {
            line(Piece.faint("%s ago  ".formatted(age(event.at()))), severity(event.severity()), Piece.of("  %s: %s".formatted(event.kind(), event.text())));
        }
    }

    private static Piece severity(String severity) {
        return switch (severity) {
            case "error" -> Piece.bad(severity);
            case "warning" -> Piece.warning(severity);
            default -> Piece.faint(severity);
        };
    }

    private void line(String text) {
        line(Ink.PLAIN, text);
    }

    private void bad(String text) {
        line(Ink.BAD, text);
    }

    /** Its first word is what the lines below are about. */
    private void heading(String text) {
        int end = text.indexOf(' ');
        line(Piece.bold(text.substring(0, end)), Piece.of(text.substring(end)));
    }

    private void line(Ink ink, String text) {
        line(new Piece(text, ink));
    }

    private void line(Piece... pieces) {
        line(List.of(pieces));
    }

    private void line(List<Piece> pieces) {
        page.append(Piece.join(colours, pieces)).append('\n');
    }

    private static Piece lag(StatusReport.Stage stage) {
        String text = size(stage.lagBytes()) + stage.lagSeconds().map(s -> " " + time(s)).orElse("");
        long bytes = stage.lagBytes().orElse(0L);
        return new Piece(text, bytes > LAG_TO_MEND ? Ink.BAD : bytes > LAG_TO_NOTICE ? Ink.WARNING : Ink.PLAIN);
    }

    private String age(Instant since) {
        return age(since, report.at());
    }

    private static String age(Instant since, Instant now) {
        return time(Math.max(Duration.between(since, now).toMillis(), 0) / 1e3);
    }

    private static String size(Optional<Long> bytes) {
        return bytes.map(StatusText::size).orElse(UNKNOWN);
    }

    /** Three digits or so, in units of 1024 as PostgreSQL names them. */
    static String size(long bytes) {
        String[] units = {"B", "kB", "MB", "GB", "TB", "PB"};
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return unit == 0 || value >= 100 ? "%.0f%s".formatted(value, units[unit]) : String.format(Locale.ROOT, "%.1f%s", value, units[unit]);
    }

    /** The two largest units that matter. */
    static String time(double seconds) {
        if (seconds < 1) {
            return Math.round(seconds * 1e3) + "ms";
        }
        long whole = (long) seconds;
        if (whole < 60) {
            return String.format(Locale.ROOT, "%.1fs", seconds);
        }
        if (whole < 3_600) {
            return "%dmin %ds".formatted(whole / 60, whole % 60);
        }
        return whole < 86_400
                ? "%dh %dmin".formatted(whole / 3_600, whole % 3_600 / 60)
                : "%dd %dh".formatted(whole / 86_400, whole % 86_400 / 3_600);
    }
}
