package io.walrelay.proxy.upstream;

import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.upstream.UpstreamDecision.Follow;
import io.walrelay.proxy.upstream.UpstreamDecision.HostReason;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.proxy.upstream.UpstreamDecision.Wait;
import io.walrelay.proxy.upstream.UpstreamSnapshot.OnDivergence;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which upstream to stream from: a pure function of a snapshot, asked again whenever there is a new one. In this order:
 *
 * <ol>
 *   <li>What the operator said, and then what the hint URL says. Either may lead back to an older timeline or past a fork
 *       that orphans acknowledged WAL: bytes can't tell which side of a fork is right, people and Patroni can. A host that
 *       was ordered and does not answer is waited for. A hint that names none, or one that does not answer, only forbids to
 *       choose another host than the one in use.
 *   <li>The host in use, as long as it answers and its history holds what we have, primary or standby. A standby that
 *       follows a promotion is followed.
 *   <li>Without one, a host of the kind that {@code target_session_attrs} asks for: of those whose history holds the
 *       acknowledged position the one with the highest timeline, of several on one lineage the one that is furthest.
 * </ol>
 *
 * <p>The kind, with {@code any} (the default): a primary. A standby is taken only when every host of the connection string
 * is one: each answers as one, or did so when it last answered, and at least one answers now. So a relay whose only host is
 * a standby works, and one with a primary and a standby never settles on the standby while a failover is under way.
 *
 * <p>What is never done without an order: going back to a timeline that our lineage has left (a primary that was
 * overtaken and still runs), dropping acknowledged WAL (unless on-divergence is follow, and then only for a newer
 * timeline), and rewinding on one lineage because a host has less of it than we do.
 */
public final class UpstreamChoice {

    private static final Comparator<Standing> BY_TIMELINE = Comparator.comparing(s -> s.host().history().timeline());
    private static final Comparator<Standing> BY_POSITION = Comparator.comparing(s -> s.host().flushed());

    private final UpstreamSnapshot snapshot;
    private final List<Standing> standings;
    /** The host in use, unless it does not answer, can't be followed, or was a primary when it was used and is none now. */
    private final Optional<Standing> inUse;

    private UpstreamChoice(UpstreamSnapshot snapshot) {
        this.snapshot = snapshot;
        this.standings = snapshot.reports().stream()
                .filter(HostReport.Reachable.class::isInstance)
                .map(report -> Standing.of((HostReport.Reachable) report, snapshot.own()))
                .toList();
        this.inUse = snapshot.inUse()
                .host()
                .flatMap(this::standing)
                .filter(Standing::usable)
                .filter(s -> !snapshot.inUse().demoted(s.host()));
    }

    public static UpstreamDecision decide(UpstreamSnapshot snapshot) {
        return new UpstreamChoice(snapshot).decide();
    }

    private UpstreamDecision decide() {
        if (snapshot.order().isPresent()) {
            return switch (snapshot.order().get()) {
                case FollowOrder.Host host -> ordered(host);
                case FollowOrder.Timeline timeline -> ordered(timeline);
            };
        }
        Optional<Standing> hinted = snapshot.hint().named().flatMap(this::standing);
        if (hinted.isPresent()) {
            return asTold(hinted.get());
        }
        if (inUse.isPresent()) {
            return unlessWrong(inUse.get());
        }
        return switch (snapshot.hint()) {
            case Hint.None() -> afterLoss();
            case Hint.Names(_), Hint.Silent(_) -> waitForAll();
        };
    }

    private Optional<Standing> standing(HostAddress host) {
        return standings.stream().filter(s -> s.host().host().equals(host)).findFirst();
    }

    private UpstreamDecision ordered(FollowOrder.Host order) {
        // Without a port the order may name several servers of one machine: the first of the connection string.
        return snapshot.reports().stream()
                .filter(r -> order.names(r.host()))
                .findFirst()
                .map(report -> switch (report) {
                    case HostReport.Reachable r -> asTold(Standing.of(r, snapshot.own()));
                    case HostReport.Unreachable r -> new Wait(List.of(new HostReason(r.host().toString(), "ordered by walrelay follow, " + r.reason())));
                })
                .orElseGet(() -> new Wait(List.of(new HostReason(order.toString(), "ordered by walrelay follow, not asked yet"))));
    }

    private UpstreamDecision ordered(FollowOrder.Timeline order) {
        List<Standing> there = standings.stream()
                .filter(Standing::usable)
                .filter(s -> s.host().history().timeline().equals(order.timeline()))
                .filter(s -> order.begin().map(s.host().history().begin()::equals).orElse(true))
                .toList();
        if (there.isEmpty()) {
            List<HostReason> reasons = new ArrayList<>();
            reasons.add(new HostReason("timeline " + order, "ordered by walrelay follow, on no host that answers"));
            reasons.addAll(new WhyNot(snapshot).reasons());
            return new Wait(reasons);
        }
        return twoLineages(there).orElseGet(() -> asTold(best(there, Comparator.comparing(Standing::primary)
                .thenComparing(s -> inUse.filter(s::equals).isPresent())
                .thenComparing(BY_POSITION))));
    }

    /** By order or hint: only what can't be followed at all is not followed. */
    private UpstreamDecision asTold(Standing to) {
        return to.refusal().<UpstreamDecision>map(why -> new Stop(
                        "%s was asked for, but %s".formatted(to.host().host(), why),
                        "upstream %s is another cluster".formatted(to.host().host()),
                        "walrelay check"))
                .orElseGet(() -> to.behind() ? behind(to) : follow(to));
    }

    private UpstreamDecision unlessWrong(Standing to) {
        if (to.older()) {
            return older(List.of(to));
        }
        if (to.losesAcknowledged() && !mayDropAcknowledged(to)) {
            return diverged(to);
        }
        return to.behind() ? behind(to) : follow(to);
    }

    private UpstreamDecision afterLoss() {
        Optional<UpstreamDecision> mixed = twoClusters();
        if (mixed.isPresent()) {
            return mixed.get();
        }
        List<Standing> kind = ofTheRightKind();
        List<Standing> newer = kind.stream().filter(s -> !s.older()).toList();
        List<Standing> eligible = newer.stream().filter(s -> !s.losesAcknowledged() || mayDropAcknowledged(s)).toList();
        if (!eligible.isEmpty()) {
            return highest(eligible);
        }
        if (!newer.isEmpty()) {
            return diverged(best(newer, BY_TIMELINE.thenComparing(BY_POSITION)));
        }
        return kind.isEmpty() ? nobody() : older(kind);
    }

    private List<Standing> ofTheRightKind() {
        List<Standing> primaries = usable(Standing::primary);
        List<Standing> standbys = usable(s -> !s.primary());
        return switch (snapshot.attrs()) {
            case PRIMARY, READ_WRITE -> primaries;
            case STANDBY, READ_ONLY -> standbys;
            case PREFER_STANDBY -> standbys.isEmpty() ? primaries : standbys;
            case ANY -> primaries.isEmpty() && onlyStandbysAreNamed() ? standbys : primaries;
        };
    }

    private List<Standing> usable(Predicate<Standing> which) {
        return standings.stream().filter(Standing::usable).filter(which).toList();
    }

    private boolean onlyStandbysAreNamed() {
        return snapshot.reports().stream().allMatch(report -> switch (report) {
            case HostReport.Reachable r -> r.inRecovery();
            case HostReport.Unreachable r -> r.lastSeen() == HostReport.LastSeen.STANDBY;
        });
    }

    /** In a new data folder there is nothing that says which of two clusters is meant. */
    private Optional<UpstreamDecision> twoClusters() {
        if (snapshot.own().isPresent() || standings.stream().map(s -> s.host().system()).distinct().count() < 2) {
            return Optional.empty();
        }
        String who = standings.stream()
                .map(s -> "%s has system identifier %s".formatted(s.host().host(), s.host().system()))
                .collect(Collectors.joining(", "));
        return Optional.of(new Stop(
                "the hosts belong to different clusters: " + who, "the hosts belong to different clusters", standings.getFirst().followCommand()));
    }

    private UpstreamDecision highest(List<Standing> eligible) {
        Standing top = best(eligible, BY_TIMELINE);
        List<Standing> sameNumber = eligible.stream().filter(s -> BY_TIMELINE.compare(s, top) == 0).toList();
        // When a number was taken twice, the lineage that we are on already is no guess.
        List<Standing> ours = sameNumber.stream().filter(s -> s.orphan().isEmpty()).toList();
        List<Standing> choice = ours.isEmpty() ? sameNumber : ours;
        return twoLineages(choice).orElseGet(() -> {
            Standing to = best(choice, BY_POSITION);
            return to.behind() ? behind(to) : follow(to);
        });
    }

    /** The first of the best: the order of the connection string decides between equals. */
    private static Standing best(List<Standing> of, Comparator<Standing> by) {
        return of.stream().reduce((a, b) -> by.compare(b, a) > 0 ? b : a).orElseThrow();
    }

    private Optional<UpstreamDecision> twoLineages(List<Standing> standings) {
        Standing first = standings.getFirst();
        return standings.stream().filter(s -> !s.sameLineage(first)).findFirst().map(other -> new Stop(
                "timeline %s was taken twice: %s is on %s, %s is on %s"
                        .formatted(
                                first.host().history().timeline(),
                                first.host().host(),
                                first.host().history().id(),
                                other.host().host(),
                                other.host().history().id()),
                "timeline %s was taken twice".formatted(first.host().history().timeline()),
                first.followCommand()));
    }

    private boolean mayDropAcknowledged(Standing to) {
        // Never to a timeline that is not newer: a primary that was overtaken must not win while the right one restarts.
        return snapshot.onDivergence() == OnDivergence.FOLLOW
                && snapshot.own().map(own -> to.host().history().timeline().compareTo(own.lineage().timeline()) > 0).orElse(true);
    }

    private UpstreamDecision follow(Standing to) {
        Stop diverged = snapshot.diverged().get(to.host().host());
        if (diverged != null && snapshot.order().isEmpty()) {
            return diverged;
        }
        List<String> notes = Stream.concat(
                        // A newer timeline that is not followed is either a mistake of somebody or of ours.
                        standings.stream()
                                .filter(s -> s.usable() && s.primary() && BY_TIMELINE.compare(s, to) > 0)
                                .map(s -> "%s is a primary on %s, and is not followed%s; if it is the right one: %s"
                                        .formatted(s.host().host(), s.timeline(), s.orphan().map(o -> ": " + o).orElse(""), s.followCommand())),
                        standings.stream().flatMap(s -> s.refusal().map(why -> s.host().host() + " is refused: " + why).stream()))
                .toList();
        return new Follow(to.host().host(), to.host().history(), to.resume(), to.orphan(), notes);
    }

    private UpstreamDecision behind(Standing to) {
        String positions = "it has WAL up to %s, own WAL goes up to %s on the same lineage"
                .formatted(to.host().flushed(), to.resume().orElseThrow());
        return to.primary()
                ? new Stop(
                        "primary %s has lost WAL: %s. Own WAL is kept as it is; the relay can go on with an empty data folder".formatted(to.host().host(), positions),
                        "upstream %s has lost WAL".formatted(to.host().host()),
                        "walrelay serve --data NEW_DIRECTORY")
                : new Wait(List.of(new HostReason(to.host().host().toString(), "it is a standby that lags: " + positions)));
    }

    private UpstreamDecision diverged(Standing to) {
        return new Stop(
                "%s is on %s; %s, and upstream.on-divergence %s"
                        .formatted(
                                to.host().host(),
                                to.timeline(),
                                to.orphan().orElseThrow(),
                                snapshot.onDivergence() == OnDivergence.STOP ? "is stop" : "follows newer timelines only"),
                "upstream %s has left our history".formatted(to.host().host()),
                to.followCommand());
    }

    private UpstreamDecision older(List<Standing> hosts) {
        // A standby may only not have heard of the promotion yet, and one that does not answer may be the right one.
        boolean mayMend = hosts.stream().anyMatch(s -> !s.primary()) || standings.size() < snapshot.reports().size();
        if (mayMend) {
            return waitForAll();
        }
        Standing to = best(hosts, BY_TIMELINE.thenComparing(BY_POSITION));
        return new Stop(
                "%s is on %s, which our own %s has left%s"
                        .formatted(
                                to.host().host(),
                                to.timeline(),
                                snapshot.own().map(own -> own.lineage().timeline()).map(t -> "timeline " + t).orElse("lineage"),
                                to.orphan().map(o -> "; by following it " + o).orElse("")),
                "upstream %s is on an older timeline".formatted(to.host().host()),
                to.followCommand());
    }

    private UpstreamDecision nobody() {
        boolean allRefused = !standings.isEmpty()
                && standings.size() == snapshot.reports().size()
                && standings.stream().noneMatch(Standing::usable);
        return allRefused
                ? new Stop(
                        new WhyNot(snapshot).reasons().stream().map(HostReason::toString).collect(Collectors.joining("; ")),
                        "every upstream host is another cluster",
                        "walrelay check")
                : waitForAll();
    }

    private UpstreamDecision waitForAll() {
        return new Wait(new WhyNot(snapshot).reasons());
    }
}
