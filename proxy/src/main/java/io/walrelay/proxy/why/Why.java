package io.walrelay.proxy.why;

import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.WalStatus;
import io.walrelay.proxy.shaping.Hold;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.state.Waiting;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Why a standby does not stream, or is behind: a pure function of what is known of it.
 *
 * @param streams whether it has a stream now
 * @param findings what keeps it, what matters most first; empty when nothing does
 */
public record Why(boolean streams, List<Finding> findings) {

    /** After that time without a reply a standby is not just busy: it reports each wal_receiver_status_interval, 10 s. */
    private static final Duration SILENT = Duration.ofSeconds(30);

    private static final String STATUS = "walrelay status";
    private static final String SLOTS = "walrelay slot list";

    /** @return empty when nothing was ever heard of it */
    public static Optional<Why> of(Facts facts) {
        if (!facts.isKnown()) {
            return Optional.empty();
        }
        Asked asked = new Asked(facts);
        boolean streams = facts.session().filter(s -> s.timeline().isPresent() && s.state() != StandbyStatus.State.STARTUP).isPresent();
        if (streams) {
            asked.stream(facts.session().get());
        } else {
            asked.absence();
        }
        asked.slot();
        asked.relay();
        return Optional.of(new Why(streams, List.copyOf(asked.findings)));
    }

    /** One that was asked about, and what was found so far. */
    private static final class Asked {

        private final Facts facts;
        private final List<Finding> findings = new ArrayList<>();

        Asked(Facts facts) {
            this.facts = facts;
        }

        private void stops(String cause, String sentence, String command) {
            findings.add(Finding.stops(cause, sentence, command));
        }

        private void delays(String cause, String sentence, String command) {
            findings.add(Finding.delays(cause, sentence, command));
        }

        void stream(StandbyStatus session) {
            switch (session.waiting()) {
                case Waiting.Ahead(var start) -> stops(
                        "ahead",
                        "it asks for WAL from %s, and the relay has WAL up to %s: it waits for the relay to get there, and is told to look elsewhere after standbys.ahead-wait"
                                .formatted(start, written()),
                        STATUS);
                case Waiting.Archive(var at) -> delays(
                        "archive",
                        "WAL at %s comes from the archive%s".formatted(at, facts.archiveProblem().map(", which can't be used now: "::concat).orElse("")),
                        STATUS);
                case Waiting.Nothing _ -> session.held().ifPresentOrElse(hold -> held(hold, session.sent()), () -> behind(session));
            }
            session.lastReply().filter(reply -> age(reply).compareTo(SILENT) > 0).ifPresent(reply -> delays(
                    "silent",
                    "it was last heard of %s ago".formatted(seconds(age(reply))),
                    onStandby("SELECT status, last_msg_send_time FROM pg_stat_wal_receiver")));
        }

        private void held(Hold hold, Lsn sent) {
            String command = "walrelay standby %s %s";
            switch (hold.why()) {
                case PAUSED -> stops("paused", "an operator has paused it, at %s".formatted(sent), command.formatted("resume", facts.name()));
                case DELAYED -> delays(
                        "delayed",
                        "it is held back by standbys.named.delay%s, at %s".formatted(hold.until().map(until -> " until " + until.truncatedTo(ChronoUnit.SECONDS)).orElse(""), sent),
                        command.formatted("release", facts.name()));
                case LIMITED -> delays("limited", "it is sent as much as standbys.named.rate lets it have", STATUS + " --watch");
            }
        }

        private void behind(StandbyStatus session) {
            Lsn end = written();
            if (session.sent().isValid() && session.sent().isBefore(end) && session.state() == StandbyStatus.State.CATCHUP) {
                delays("catchup", "it is %d bytes behind and is being sent WAL, as fast as it takes it".formatted(end.minus(session.sent())), STATUS + " --watch");
            } else if (session.replayed().isValid() && session.flushed().isAfter(session.replayed())) {
                delays(
                        "replay",
                        "it has WAL up to %s and has replayed up to %s: a query holds replay, replay is paused, recovery_min_apply_delay is set, or it is slow"
                                .formatted(session.flushed(), session.replayed()),
                        onStandby("SELECT pg_is_wal_replay_paused(), current_setting('recovery_min_apply_delay'), current_setting('max_standby_streaming_delay')"));
            }
        }

        /** It has no stream. What happened last tells most. */
        void absence() {
            if (facts.refused().isPresent()) {
                refused(facts.refused().get());
            } else if (facts.session().isPresent()) {
                StandbyStatus session = facts.session().get();
                stops(
                        "no-stream",
                        "it is connected from %s and has not asked for a stream since %s".formatted(session.client(), session.since().truncatedTo(ChronoUnit.SECONDS)),
                        "primary_conninfo = '%s application_name=%s'".formatted(facts.conninfo(), facts.name()));
            } else if (facts.slot().isPresent()) {
                Slot slot = facts.slot().get().slot();
                String since = slot.inactiveSince().map(at -> "not connected since %s".formatted(at.truncatedTo(ChronoUnit.SECONDS))).orElse("not connected");
                stops(
                        "not-connected",
                        "%s: %s".formatted(since, slot.furthestSent().isValid() ? "its slot was sent WAL up to " + slot.furthestSent() : "its slot was never used"),
                        "primary_conninfo = '%s application_name=%s' with primary_slot_name = '%s'".formatted(facts.conninfo(), slot.name(), slot.name()));
            }
        }

        private void refused(Refusal refusal) {
            String when = "refused %s ago, from %s: ".formatted(seconds(age(refusal.at())), refusal.address());
            String said = when + refusal.said().message() + refusal.said().detail().map(" "::concat).orElse("");
            switch (refusal.reason()) {
                case LOGIN -> login(refusal, said);
                case SLOT -> stops("slot", said, slotCommand(refusal));
                case DIVERGED -> stops(
                        "diverged", said, "pg_rewind -D DIRECTORY -R --source-server='%s user=%s dbname=postgres'".formatted(facts.conninfo(), refusal.user()));
                case AHEAD -> stops("ahead", said + "; it tries its restore_command, and comes back", STATUS);
                case REMOVED -> stops("removed", said + "; no tier has it", baseBackup(refusal.user()));
                case UNREADABLE -> stops("unreadable", said + facts.archiveProblem().map("; the archive can't be used now: "::concat).orElse(""), STATUS);
            }
        }

        private void login(Refusal refusal, String said) {
            String user = refusal.user();
            String login = "psql '%s user=%s replication=true' -c IDENTIFY_SYSTEM".formatted(facts.conninfo(), user);
            switch (refusal.said().sqlState()) {
                case "28P01" -> stops("password", said, "on the primary: ALTER ROLE \"%s\" PASSWORD '…'; then try: %s".formatted(user, login));
                case "28000" -> stops("hba", said, "listen.hba needs: host replication %s %s scram-sha-256".formatted(user, range(refusal.address())));
                case "53300" -> stops("too-many", said, STATUS);
                default -> stops("login", said, refusal.said().hint().orElse(login));
            }
        }

        private static String range(String address) {
            return address + (address.contains(":") ? "/128" : "/32");
        }

        private String slotCommand(Refusal refusal) {
            String slot = refusal.slot().orElse(facts.name());
            return switch (refusal.said().sqlState()) {
                case "42704" -> "walrelay slot create " + slot;
                case "55000" -> "walrelay slot drop %s && %s".formatted(slot, baseBackup(refusal.user()));
                default -> SLOTS;
            };
        }

        void slot() {
            if (facts.slot().isEmpty()) {
                return;
            }
            SlotStatus status = facts.slot().get();
            Slot slot = status.slot();
            if (status.walStatus().equals(Optional.of(WalStatus.LOST))) {
                boolean said = findings.stream().anyMatch(f -> f.cause().equals("slot"));
                if (!said) {
                    stops("slot-lost", "WAL that slot \"%s\" needs from %s on was given up, and no tier has it".formatted(slot.name(), slot.restartLsn()), baseBackup("USER"));
                }
            } else if (slot.timedOut()) {
                delays(
                        "slot-timed-out",
                        "slot \"%s\" was not used for longer than slots.inactive-timeout: nothing keeps its WAL from %s on any more".formatted(slot.name(), slot.restartLsn()),
                        SLOTS);
            } else if (status.safe().filter(safe -> safe <= 0).isPresent()) {
                delays(
                        "quota",
                        "slot \"%s\" holds back %d bytes, more than slots.max-retained lets it: what is over goes when the disk needs room".formatted(slot.name(), status.retained().orElse(0L)),
                        SLOTS);
            }
        }

        /** What keeps all of them. */
        void relay() {
            UpstreamStatus upstream = facts.upstream();
            if (upstream.state() != UpstreamStatus.State.STREAMING) {
                String sentence = "the relay gets no WAL%s".formatted(upstream.problem().map(": "::concat).orElse(" from upstream"));
                delays("upstream", sentence + facts.end().map(end -> "; it has WAL up to %s".formatted(end.written())).orElse(""), STATUS);
            }
            facts.notReady().forEach((kind, reason) -> delays(kind, "the relay is not ready: " + reason, STATUS));
        }

        private Lsn written() {
            return facts.end().map(end -> end.written()).orElse(Lsn.INVALID);
        }

        private Duration age(Instant since) {
            Duration age = Duration.between(since, facts.now());
            return age.isNegative() ? Duration.ZERO : age;
        }

        private static String seconds(Duration age) {
            return age.toSeconds() + " s";
        }

        private static String onStandby(String sql) {
            return "on the standby: psql -c \"%s\"".formatted(sql);
        }

        private String baseBackup(String user) {
            return "pg_basebackup -d '%s user=%s' -D DIRECTORY -X stream -C -S %s -R".formatted(facts.conninfo(), user, facts.slot().map(s -> s.slot().name()).orElse(facts.name()));
        }
    }
}
