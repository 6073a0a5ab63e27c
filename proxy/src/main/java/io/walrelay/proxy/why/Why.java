package io.walrelay.proxy.why;

import io.walrelay.cache.HotStandbyNeeds;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.WalStatus;
import io.walrelay.proxy.shaping.Hold;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.state.Visit;
import io.walrelay.proxy.state.Waiting;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
        facts.notSynchronised().ifPresent(why -> asked.delays("slot-sync", "upstream's slots are not synchronised to it: " + why, Commands.STATUS));
        asked.relay();
        return Optional.of(new Why(streams, List.copyOf(asked.findings)));
    }

    /** One that was asked about, and what was found so far. */
    private static final class Asked {

        private final Facts facts;
        private final Commands commands;
        private final List<Finding> findings = new ArrayList<>();

        Asked(Facts facts) {
            this.facts = facts;
            this.commands = new Commands(facts.relay());
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
                        Commands.STATUS);
                case Waiting.Archive(var at) -> delays(
                        "archive",
                        "WAL at %s comes from the archive%s".formatted(at, facts.archiveProblem().map(", which can't be used now: "::concat).orElse("")),
                        Commands.STATUS);
                case Waiting.Nothing _ -> session.held().ifPresentOrElse(hold -> held(hold, session.sent()), () -> notHeld(session));
            }
            session.lastReply().filter(reply -> age(reply).compareTo(SILENT) > 0).ifPresent(reply -> delays(
                    "silent",
                    "it was last heard of %s ago".formatted(seconds(age(reply))),
                    Commands.onStandby("SELECT status, last_msg_send_time FROM pg_stat_wal_receiver")));
        }

        private void held(Hold hold, Lsn sent) {
            switch (hold.why()) {
                case PAUSED -> paused(sent);
                case DELAYED -> delays(
                        "delayed",
                        "it is held back by standbys.named.delay%s, at %s".formatted(hold.until().map(until -> " until " + until.truncatedTo(ChronoUnit.SECONDS)).orElse(""), sent),
                        Commands.standby("release", facts.name()));
                case LIMITED -> delays("limited", "it is sent as much as standbys.named.rate lets it have", Commands.WATCH);
            }
        }

        private void paused(Lsn sent) {
            stops("paused", "an operator has paused it, at %s".formatted(sent), Commands.standby("resume", facts.name()));
        }

        private void notHeld(StandbyStatus session) {
            if (facts.paused()) {
                paused(session.sent()); // It has all that there is: the next record will be held.
            }
            behind(session);
        }

        private void behind(StandbyStatus session) {
            Lsn end = written();
            if (session.sent().isValid() && session.sent().isBefore(end) && session.state() == StandbyStatus.State.CATCHUP) {
                delays("catchup", "it is %d bytes behind and is being sent WAL, as fast as it takes it".formatted(end.minus(session.sent())), Commands.WATCH);
            } else if (session.replayed().isValid() && session.flushed().isAfter(session.replayed())) {
                Optional<HotStandbyNeeds> needs = facts.needs();
                Optional<Lsn> stop = needs.flatMap(log -> log.stopsBefore(session.replayed())).map(HotStandbyNeeds.Parameters::at).filter(session.flushed()::isAfter);
                if (stop.isPresent()) {
                    parameters(needs.orElseThrow(), session.replayed(), stop.get());
                } else {
                    delays(
                            "replay",
                            "it has WAL up to %s and has replayed up to %s: a query holds replay, replay is paused, recovery_min_apply_delay is set, or it is slow"
                                    .formatted(session.flushed(), session.replayed()),
                            Commands.onStandby("SELECT pg_is_wal_replay_paused(), current_setting('recovery_min_apply_delay'), current_setting('max_standby_streaming_delay')"));
                }
            }
        }

        private void parameters(HotStandbyNeeds needs, Lsn replayed, Lsn at) {
            Map<String, Integer> raised = new LinkedHashMap<>(needs.minimumsFrom(replayed));
            needs.parameters().stream().takeWhile(before -> before.at().isBefore(at)).reduce((_, last) -> last).ifPresent(before ->
                    before.values().minimums().forEach((name, value) -> raised.remove(name, value)));
            stops(
                    "parameter",
                    "it stands before %s, where the primary was started with other settings, and has WAL beyond: unless replay is paused, it has less than %s of what it needs at least"
                            .formatted(at, raised),
                    Commands.settings(raised));
        }

        /** It has no stream. What happened last tells most. */
        void absence() {
            facts.refused().forEach(this::refused);
            if (!facts.refused().isEmpty()) {
                return;
            }
            if (facts.session().isPresent()) {
                StandbyStatus session = facts.session().get();
                stops(
                        "no-stream",
                        "it is connected from %s and has not asked for a stream since %s".formatted(session.client(), session.since().truncatedTo(ChronoUnit.SECONDS)),
                        commands.primaryConninfo(facts.name(), Optional.empty()));
            } else if (facts.visit().filter(this::isNews).isPresent()) {
                visited(facts.visit().get());
            } else if (facts.slot().isPresent()) {
                Slot slot = facts.slot().get().slot();
                String since = slot.inactiveSince().map(at -> "not connected since %s".formatted(at.truncatedTo(ChronoUnit.SECONDS))).orElse("not connected");
                stops(
                        "not-connected",
                        "%s: %s".formatted(since, slot.furthestSent().isValid() ? "its slot was sent WAL up to " + slot.furthestSent() : "its slot was never used"),
                        commands.primaryConninfo(slot.name(), Optional.of(slot.name())));
            }
        }

        /** Since its slot was used last. */
        private boolean isNews(Visit visit) {
            return facts.slot().flatMap(status -> status.slot().inactiveSince()).filter(visit.at()::isBefore).isEmpty();
        }

        private void visited(Visit visit) {
            String own = facts.end().map(end -> "timeline %s".formatted(end.lineage().timeline())).orElse("no timeline yet");
            stops(
                    "no-stream",
                    ("it came %s ago from %s, was told that the relay is on %s, and left: so does a standby that is on a later timeline, as one that was promoted is,"
                                    + " and has to be rewound, or one of another cluster. Its own log says which")
                            .formatted(seconds(age(visit.at())), visit.address(), own),
                    commands.rewind(visit.user(), facts.slot().map(status -> status.slot().name())));
        }

        private void refused(Refusal refusal) {
            String who = refusal.reason() == Refusal.Reason.LOGIN ? "somebody who calls himself so was refused" : "refused";
            String when = "%s %s ago, from %s: ".formatted(who, seconds(age(refusal.at())), refusal.address());
            String said = when + refusal.said().message() + refusal.said().detail().map(" "::concat).orElse("");
            switch (refusal.reason()) {
                case LOGIN -> login(refusal, said);
                case SLOT -> stops("slot", said, slotCommand(refusal));
                case DIVERGED -> stops("diverged", said + toRewind(refusal.user()), commands.rewind(refusal.user(), refusal.slot()));
                case AHEAD -> stops("ahead", said + "; it tries its restore_command, and comes back", Commands.STATUS);
                case REMOVED -> stops("removed", said + "; no tier has it", commands.baseBackup(refusal.user(), facts.slot().map(s -> s.slot().name())));
                case UNREADABLE -> stops("unreadable", said + facts.archiveProblem().map("; the archive can't be used now: "::concat).orElse(""), Commands.STATUS);
            }
        }

        private String toRewind(String user) {
            String fetched = facts.toRewind().isEmpty() ? "" : " A rewind fetches %,d blocks or more.".formatted(facts.toRewind().getAsLong());
            return "%s Without walrelay there, and where its own WAL is still whole: %s".formatted(fetched, commands.pgRewind(user));
        }

        private void login(Refusal refusal, String said) {
            String user = refusal.user();
            switch (refusal.said().sqlState()) {
                case "28P01" -> stops("password", said, Commands.password(user) + "; then try: " + commands.login(user));
                case "28000" -> notAuthorized(refusal, said);
                case "42501" -> stops("login", said, Commands.role(user, "REPLICATION"));
                case "53300" -> stops("too-many", said, Commands.STATUS);
                default -> stops("login", said + refusal.said().hint().map("; "::concat).orElse(""), commands.login(user));
            }
        }

        /** PostgreSQL has one code for all of them. */
        private void notAuthorized(Refusal refusal, String said) {
            String message = refusal.said().message();
            if (message.contains("pg_hba.conf")) {
                stops("hba", said, Commands.hbaLine(refusal.user(), refusal.address()));
            } else {
                stops("login", said, message.contains("not permitted to log in") ? Commands.role(refusal.user(), "LOGIN") : commands.login(refusal.user()));
            }
        }

        private String slotCommand(Refusal refusal) {
            String slot = refusal.slot().orElse(facts.name());
            return switch (refusal.said().sqlState()) {
                case "42704" -> Commands.createSlot(slot);
                case "55000" -> commands.baseBackupAnew(refusal.user(), slot);
                default -> Commands.SLOTS;
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
                    stops("slot-lost", "WAL that slot \"%s\" needs from %s on was given up, and no tier has it".formatted(slot.name(), slot.restartLsn()), commands.baseBackupAnew("USER", slot.name()));
                }
            } else if (slot.timedOut()) {
                delays(
                        "slot-timed-out",
                        "slot \"%s\" was not used for longer than slots.inactive-timeout: nothing keeps its WAL from %s on any more".formatted(slot.name(), slot.restartLsn()),
                        Commands.SLOTS);
            } else if (status.safe().filter(safe -> safe <= 0).isPresent()) {
                delays(
                        "quota",
                        "slot \"%s\" holds back %d bytes, more than slots.max-retained lets it: what is over goes when the disk needs room".formatted(slot.name(), status.retained().orElse(0L)),
                        Commands.SLOTS);
            }
        }

        /** What keeps all of them. */
        void relay() {
            UpstreamStatus upstream = facts.upstream();
            if (upstream.state() != UpstreamStatus.State.STREAMING) {
                String sentence = "the relay gets no WAL%s".formatted(upstream.problem().map(": "::concat).orElse(" from upstream"));
                delays("upstream", sentence + facts.end().map(end -> "; it has WAL up to %s".formatted(end.written())).orElse(""), Commands.STATUS);
            }
            facts.notReady().forEach((kind, reason) -> delays(kind, "the relay is not ready: " + reason, Commands.STATUS));
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
    }
}
