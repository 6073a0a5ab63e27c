package io.walrelay.proxy.upstream;

import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.conninfo.TargetSessionAttrs;
import io.walrelay.proxy.conninfo.HostAddress;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.proxy.upstream.HostReport.LastSeen;
import io.walrelay.proxy.upstream.UpstreamSnapshot.OnDivergence;
import io.walrelay.proxy.upstream.UpstreamSnapshot.Own;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The choice of an upstream as a table. Positions are written 0/N; a drawing shows a timeline as a line, W where our own
 * WAL ends, A what is acknowledged.
 */
class UpstreamChoiceTest {

    private static final SystemId CLUSTER = new SystemId(7);
    /** 1 ───────. */
    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));
    /** 1 ──0/50─┬─ 2. */
    private static final TimelineHistory TWO = ONE.promoted(new TimelineId(2), lsn(0x50), "");
    /** 1 ──0/50─┬─ 2 ──0/70─┬─ 3. */
    private static final TimelineHistory THREE = TWO.promoted(new TimelineId(3), lsn(0x70), "");
    /** 1 ──0/30─┬─ 2: the same number, taken elsewhere. */
    private static final TimelineHistory OTHER_TWO = ONE.promoted(new TimelineId(2), lsn(0x30), "");

    private static Lsn lsn(long at) {
        return new Lsn(at);
    }

    private static HostAddress pg(int n) {
        return HostAddress.of("pg" + n, 5432);
    }

    private static HostReport primary(int n, TimelineHistory history, long flushed) {
        return new HostReport.Reachable(pg(n), CLUSTER, SegmentSize.DEFAULT, history, lsn(flushed), false);
    }

    private static HostReport standby(int n, TimelineHistory history, long flushed) {
        return new HostReport.Reachable(pg(n), CLUSTER, SegmentSize.DEFAULT, history, lsn(flushed), true);
    }

    private static HostReport down(int n, LastSeen seen) {
        return new HostReport.Unreachable(pg(n), "connection refused", seen);
    }

    private static HostReport foreign(int n) {
        return new HostReport.Reachable(pg(n), new SystemId(8), SegmentSize.DEFAULT, ONE, lsn(0x60), false);
    }

    private static Given own(TimelineHistory lineage, long written, long acknowledged) {
        return new Given(Optional.of(new Own(CLUSTER, SegmentSize.DEFAULT, lineage, lsn(written), lsn(acknowledged))));
    }

    private static Given nothing() {
        return new Given(Optional.empty());
    }

    /** A snapshot in the making. */
    static final class Given {
        private final Optional<Own> own;
        private final List<HostReport> reports = new ArrayList<>();
        private Optional<FollowOrder> order = Optional.empty();
        private Hint hint = new Hint.None();
        private HostInUse inUse = HostInUse.NONE;
        private final Map<HostAddress, UpstreamDecision.Stop> diverged = new HashMap<>();
        private TargetSessionAttrs attrs = TargetSessionAttrs.ANY;
        private OnDivergence onDivergence = OnDivergence.STOP;

        private Given(Optional<Own> own) {
            this.own = own;
        }

        Given hosts(HostReport... hosts) {
            reports.addAll(List.of(hosts));
            return this;
        }

        Given ordered(String text) {
            order = Optional.of(FollowOrder.parse(text));
            return this;
        }

        Given hinted(int n) {
            hint = new Hint.Names(pg(n));
            return this;
        }

        Given hintedAtNobody() {
            hint = new Hint.Silent("no answer");
            return this;
        }

        Given using(int n) {
            inUse = HostInUse.of(pg(n));
            return this;
        }

        Given usingFormerPrimary(int n) {
            inUse = new HostInUse(Optional.of(pg(n)), Optional.of(pg(n)));
            return this;
        }

        Given diverged(int n) {
            diverged.put(pg(n), new UpstreamDecision.Stop("pg%d has other bytes".formatted(n), "", ""));
            return this;
        }

        Given wanting(TargetSessionAttrs wanted) {
            attrs = wanted;
            return this;
        }

        Given followingDivergence() {
            onDivergence = OnDivergence.FOLLOW;
            return this;
        }

        UpstreamDecision decide() {
            return UpstreamChoice.decide(new UpstreamSnapshot(own, order, hint, inUse, reports, diverged, attrs, onDivergence));
        }
    }

    private static Arguments row(String name, Given given, String decision) {
        return Arguments.of(name, given, decision);
    }

    static Stream<Arguments> follows() {
        return Stream.of(
                row("new folder, one primary", nothing().hosts(primary(1, ONE, 0x60)), "pg1 1"),
                row("new folder, one standby: it is all there is", nothing().hosts(standby(1, ONE, 0x60)), "pg1 1"),
                row("new folder, a standby named first: the primary", nothing().hosts(standby(1, ONE, 0x60), primary(2, ONE, 0x60)), "pg2 1"),
                row("new folder, stale primary beside the promoted one", nothing().hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)), "pg2 2"),
                row("restart: 1 ──AW──── ", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x60)), "pg1 1 from 0/40"),
                row("promotion: 1 ──AW─┬─ 2", own(ONE, 0x40, 0x40).hosts(down(1, LastSeen.PRIMARY), primary(2, TWO, 0x60)), "pg2 2 from 0/40"),
                row("promotion drained to the byte: W on the fork", own(ONE, 0x50, 0x50).hosts(primary(2, TWO, 0x50)), "pg2 2 from 0/50"),
                row("stale primary with a higher position: 1 ──AW─┬───── ", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)), "pg2 2 from 0/40"),
                row("stale primary that we are past: 1 ─┬── 2 ──AW", own(TWO, 0x60, 0x60).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)), "pg2 2 from 0/60"),
                row("nothing written on 2 yet: still not back to 1", own(TWO, 0x50, 0x50).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)), "pg2 2 from 0/50"),
                row("two promotions while away: 1 ──AW─┬─ 2 ─┬─ 3", own(ONE, 0x40, 0x40).hosts(primary(3, THREE, 0x80)), "pg3 3 from 0/40"),
                row("ahead of the fork, nothing acknowledged past it: 1 ──A─┬─W", own(ONE, 0x58, 0x50).hosts(primary(2, TWO, 0x60)), "pg2 2 from 0/50 orphan"),
                row("ahead, acknowledged, told to follow divergence", own(ONE, 0x58, 0x58).hosts(primary(2, TWO, 0x60)).followingDivergence(), "pg2 2 from 0/50 orphan!"),
                row("old primary holds what was acknowledged, promoted one does not: the old one, with a note",
                        own(ONE, 0x58, 0x58).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)), "pg1 1 from 0/58 note"),
                row("the same, told to follow divergence", own(ONE, 0x58, 0x58).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)).followingDivergence(), "pg2 2 from 0/50 orphan!"),
                row("position breaks ties only on one lineage", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x60), primary(2, ONE, 0x70)), "pg2 1 from 0/40"),
                row("equal in all: the first named", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x60), primary(2, ONE, 0x60)), "pg1 1 from 0/40"),
                row("the host in use stays, though another was promoted", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x60), primary(2, TWO, 0x60)).using(1), "pg1 1 from 0/40 note"),
                row("switch-over: in use, now a standby on the new timeline", own(ONE, 0x50, 0x50).hosts(standby(1, TWO, 0x60), primary(2, TWO, 0x60)).using(1), "pg1 2 from 0/50"),
                row("the host in use was promoted itself", own(ONE, 0x50, 0x50).hosts(primary(1, TWO, 0x60)).using(1), "pg1 2 from 0/50"),
                row("the host in use was promoted and cut off half a record", own(ONE, 0x55, 0x50).hosts(primary(1, TWO, 0x60)).using(1), "pg1 2 from 0/50 orphan"),
                row("the host in use does not answer: it is lost", own(ONE, 0x40, 0x40).hosts(down(1, LastSeen.PRIMARY), primary(2, TWO, 0x60)).using(1), "pg2 2 from 0/40"),
                row("the host in use is another cluster now: it is lost", own(ONE, 0x40, 0x40).hosts(foreign(1), primary(2, TWO, 0x60)).using(1), "pg2 2 from 0/40 note"),
                row("only standbys, one down that was one", own(ONE, 0x40, 0x40).hosts(down(1, LastSeen.STANDBY), standby(2, ONE, 0x60)), "pg2 1 from 0/40"),
                row("standbys wanted", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x90), standby(2, ONE, 0x60)).wanting(TargetSessionAttrs.STANDBY), "pg2 1 from 0/40"),
                row("standbys preferred, none there", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x90)).wanting(TargetSessionAttrs.PREFER_STANDBY), "pg1 1 from 0/40"),
                row("ordered: leave the host in use", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)).using(1).ordered("pg2"), "pg2 2 from 0/40"),
                row("ordered: a host whose bytes were others", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x90)).diverged(1).ordered("pg1"), "pg1 1 from 0/40"),
                row("switch-over: the primary in use is a standby now, perhaps ours: the new primary",
                        own(ONE, 0x50, 0x50).hosts(standby(1, TWO, 0x60), primary(2, TWO, 0x60)).usingFormerPrimary(1), "pg2 2 from 0/50"),
                row("ordered: a standby", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x90), standby(2, ONE, 0x60)).ordered("pg2:5432"), "pg2 1 from 0/40"),
                row("ordered: back to the older timeline: 1 ──┬─ 2 ──AW", own(TWO, 0x60, 0x60).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)).using(2).ordered("1"), "pg1 1 from 0/50 orphan! note"),
                row("ordered: past the fork with acknowledged WAL", own(ONE, 0x58, 0x58).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)).using(1).ordered("pg2"), "pg2 2 from 0/50 orphan!"),
                row("ordered: a number taken twice, by its beginning", own(ONE, 0x20, 0x20).hosts(primary(1, TWO, 0x90), primary(2, OTHER_TWO, 0x60)).ordered("2@0/30"), "pg2 2 from 0/20"),
                row("ordered timeline: its primary rather than its standby", own(ONE, 0x20, 0x20).hosts(standby(1, TWO, 0x90), primary(2, TWO, 0x60)).ordered("2"), "pg2 2 from 0/20"),
                row("hint goes before the host in use", own(ONE, 0x58, 0x58).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)).using(1).hinted(2), "pg2 2 from 0/50 orphan!"),
                row("hint that names nobody leaves the host in use", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)).using(1).hintedAtNobody(), "pg1 1 from 0/40 note"),
                row("hint at a primary that was overtaken: as told", own(TWO, 0x58, 0x58).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)).using(2).hinted(1), "pg1 1 from 0/50 orphan! note"),
                row("order goes before the hint", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x90), primary(2, TWO, 0x60)).ordered("pg2").hinted(1), "pg2 2 from 0/40"),
                row("hint that does not answer leaves the host in use", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x90), down(2, LastSeen.STANDBY)).using(1).hinted(2), "pg1 1 from 0/40"),
                row("number taken twice, we are on one of them", own(TWO, 0x60, 0x60).hosts(primary(1, OTHER_TWO, 0x90), primary(2, TWO, 0x65)), "pg2 2 from 0/60"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void follows(String name, Given given, String expected) {
        UpstreamDecision decision = given.decide();
        if (!(decision instanceof UpstreamDecision.Follow f)) {
            throw new AssertionError(name + ": " + decision);
        }
        String seen = f.host().host() + " " + f.lineage().timeline()
                + f.from().map(lsn -> " from " + lsn).orElse("")
                + f.orphan().map(o -> o.acknowledgedInside() ? " orphan!" : " orphan").orElse("")
                + (f.notes().isEmpty() ? "" : " note");
        assertEquals(expected, seen, decision::toString);
        f.orphan().ifPresent(o -> assertEquals(f.from(), Optional.of(o.fork())));
    }

    static Stream<Arguments> stops() {
        return Stream.of(
                row("ahead of the fork, acknowledged past it: 1 ──┬─AW", own(ONE, 0x58, 0x58).hosts(primary(2, TWO, 0x60)),
                        "stop: pg2:5432 is on timeline 2, which began at 0/50; own WAL past 0/50 becomes an orphan, acknowledged WAL with it, and upstream.on-divergence is stop; to go on: walrelay follow pg2:5432"),
                row("the host in use was promoted before what we acknowledged", own(ONE, 0x58, 0x58).hosts(primary(1, TWO, 0x60)).using(1),
                        "stop: pg1:5432 is on timeline 2, which began at 0/50; own WAL past 0/50 becomes an orphan, acknowledged WAL with it, and upstream.on-divergence is stop; to go on: walrelay follow pg1:5432"),
                row("only the overtaken primary answers at all, though divergence may be followed", own(TWO, 0x60, 0x60).hosts(primary(1, ONE, 0x90)).followingDivergence(),
                        "stop: pg1:5432 is on timeline 1, which our own timeline 2 has left; by following it own WAL past 0/50 becomes an orphan, acknowledged WAL with it; to go on: walrelay follow pg1:5432"),
                row("a primary that lost WAL", own(ONE, 0x60, 0x60).hosts(primary(1, ONE, 0x50)).using(1),
                        "stop: primary pg1:5432 has lost WAL: it has WAL up to 0/50, own WAL goes up to 0/60 on the same lineage. Own WAL is kept as it is; the relay can go on with an empty data folder; to go on: walrelay serve --data NEW_DIRECTORY"),
                row("a primary that lost WAL, even by order", own(ONE, 0x60, 0x60).hosts(primary(1, ONE, 0x50)).ordered("pg1"),
                        "stop: primary pg1:5432 has lost WAL: it has WAL up to 0/50, own WAL goes up to 0/60 on the same lineage. Own WAL is kept as it is; the relay can go on with an empty data folder; to go on: walrelay serve --data NEW_DIRECTORY"),
                row("a host whose bytes turned out to be others", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x60)).diverged(1),
                        "stop: pg1 has other bytes; to go on: "),
                row("another cluster alone", own(ONE, 0x40, 0x40).hosts(foreign(1)),
                        "stop: pg1:5432: refused: it has system identifier 8; expected 7, that of the WAL in the data folder; to go on: walrelay check"),
                row("another cluster by order", own(ONE, 0x40, 0x40).hosts(primary(2, ONE, 0x60), foreign(1)).using(2).ordered("pg1"),
                        "stop: pg1:5432 was asked for, but it has system identifier 8; expected 7, that of the WAL in the data folder; to go on: walrelay check"),
                row("another segment size", own(ONE, 0x40, 0x40).hosts(new HostReport.Reachable(pg(1), CLUSTER, new SegmentSize(1 << 20), ONE, lsn(0x60), false)),
                        "stop: pg1:5432: refused: it has wal_segment_size 1MB; expected 16MB, that of the WAL in the data folder; to go on: walrelay check"),
                row("two clusters and an empty folder", nothing().hosts(primary(1, ONE, 0x40), foreign(2)),
                        "stop: the hosts belong to different clusters: pg1:5432 has system identifier 7, pg2:5432 has system identifier 8; to go on: walrelay follow pg1:5432"),
                row("number taken twice, both ahead of us: ──AW─┬─ 2 ─┬─ 2'", own(ONE, 0x20, 0x20).hosts(primary(1, TWO, 0x60), primary(2, OTHER_TWO, 0x90)),
                        "stop: timeline 2 was taken twice: pg1:5432 is on " + TWO.id() + ", pg2:5432 is on " + OTHER_TWO.id() + "; to go on: walrelay follow pg1:5432"),
                row("number taken twice, we are on the other", own(TWO, 0x60, 0x60).hosts(primary(1, OTHER_TWO, 0x90)).followingDivergence(),
                        "stop: pg1:5432 is on timeline 2, which began at 0/30; own WAL past 0/30 becomes an orphan, acknowledged WAL with it, and upstream.on-divergence follows newer timelines only; to go on: walrelay follow pg1:5432"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void stops(String name, Given given, String expected) {
        assertEquals(expected, given.decide().toString(), name);
    }

    static Stream<Arguments> waits() {
        String refused = "connection refused";
        return Stream.of(
                row("all unreachable", own(ONE, 0x40, 0x40).hosts(down(1, LastSeen.PRIMARY), down(2, LastSeen.NEVER)).using(1),
                        "wait: pg1:5432: " + refused + "; pg2:5432: " + refused),
                row("primary down, standby not promoted yet", own(ONE, 0x40, 0x40).hosts(down(1, LastSeen.PRIMARY), standby(2, ONE, 0x60)),
                        "wait: pg1:5432: " + refused + "; pg2:5432: it is in recovery on timeline 1; target_session_attrs is any"),
                row("a host never seen may be the primary", nothing().hosts(down(1, LastSeen.NEVER), standby(2, ONE, 0x60)),
                        "wait: pg1:5432: " + refused + "; pg2:5432: it is in recovery on timeline 1; target_session_attrs is any"),
                row("a primary in use that became a standby: no longer in use", own(ONE, 0x50, 0x50).hosts(standby(1, ONE, 0x60), down(2, LastSeen.PRIMARY)).usingFormerPrimary(1),
                        "wait: pg1:5432: it is in recovery on timeline 1; target_session_attrs is any; pg2:5432: " + refused),
                row("a standby that lags", own(ONE, 0x60, 0x60).hosts(standby(1, ONE, 0x50)).using(1),
                        "wait: pg1:5432: it is a standby that lags: it has WAL up to 0/50, own WAL goes up to 0/60 on the same lineage"),
                row("a standby that has not followed the promotion yet", own(TWO, 0x60, 0x60).hosts(standby(1, ONE, 0x50)).using(1),
                        "wait: pg1:5432: it is on timeline 1, which our own lineage has left"),
                row("the right one restarts, the overtaken one runs", own(TWO, 0x60, 0x60).hosts(primary(1, ONE, 0x90), down(2, LastSeen.PRIMARY)).followingDivergence(),
                        "wait: pg1:5432: it is on timeline 1, which our own lineage has left; pg2:5432: " + refused),
                row("a foreign host beside one that is down", own(ONE, 0x40, 0x40).hosts(foreign(1), down(2, LastSeen.PRIMARY)),
                        "wait: pg1:5432: refused: it has system identifier 8; expected 7, that of the WAL in the data folder; pg2:5432: " + refused),
                row("ordered host down", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x60), down(2, LastSeen.NEVER)).using(1).ordered("pg2"),
                        "wait: pg2:5432: ordered by walrelay follow, " + refused),
                row("ordered host not asked yet", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x60)).using(1).ordered("pg9"),
                        "wait: pg9: ordered by walrelay follow, not asked yet"),
                row("ordered timeline nowhere", own(ONE, 0x40, 0x40).hosts(down(1, LastSeen.NEVER)).ordered("2"),
                        "wait: timeline 2: ordered by walrelay follow, on no host that answers; pg1:5432: " + refused),
                row("hint at nobody and nothing in use: no guess without it", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x60), down(2, LastSeen.STANDBY)).hintedAtNobody(),
                        "wait: pg1:5432: the hint names no host: no answer; pg2:5432: " + refused),
                row("hint at nobody and the host in use demoted", own(ONE, 0x40, 0x40).hosts(standby(1, ONE, 0x60), primary(2, ONE, 0x60)).usingFormerPrimary(1).hintedAtNobody(),
                        "wait: pg1:5432: the hint names no host: no answer; pg2:5432: the hint names no host: no answer"),
                row("hint down and nothing in use: no guess against the hint", own(ONE, 0x40, 0x40).hosts(primary(1, ONE, 0x60), down(2, LastSeen.STANDBY)).hinted(2),
                        "wait: pg1:5432: the hint names pg2:5432; pg2:5432: " + refused),
                row("a primary wanted, a standby there", own(ONE, 0x40, 0x40).hosts(standby(1, ONE, 0x60)).wanting(TargetSessionAttrs.PRIMARY),
                        "wait: pg1:5432: it is in recovery on timeline 1; target_session_attrs is primary"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void waits(String name, Given given, String expected) {
        assertEquals(expected, given.decide().toString(), name);
    }

    @Test
    void startsOnTheTimelineThatHoldsThePosition() {
        UpstreamDecision.Follow follow = (UpstreamDecision.Follow) own(ONE, 0x40, 0x40).hosts(primary(3, THREE, 0x80)).decide();
        assertEquals(new TimelineId(1), follow.startTimeline());
    }

    @ParameterizedTest
    @ValueSource(strings = {"pg1", "pg1:5433", "[::1]:5432", "10.0.0.1", "2", "2@0/3002830", "4294967295"})
    void readsAnOrderAsItIsPrinted(String text) {
        assertEquals(text, FollowOrder.parse(text).toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "4294967296", "2@", "2@x", "pg1:0", "pg1:65536", "pg1:", ":5432", "pg 1", "[]", "[::1"})
    void refusesAnOrderThatIsNeitherHostNorTimeline(String text) {
        assertThrows(IllegalArgumentException.class, () -> FollowOrder.parse(text));
    }
}
