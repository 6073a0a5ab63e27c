package io.walrelay.proxy.why;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.HotStandbyNeeds;
import io.walrelay.cache.slot.Home;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.WalStatus;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.shaping.Hold;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.state.Visit;
import io.walrelay.proxy.state.Waiting;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.Xmins;
import io.walrelay.wal.format.ServerParameters;
import io.walrelay.wal.format.WalLevel;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class WhyTest {

    private static final Instant NOW = Instant.parse("2026-11-29T12:00:00Z");
    private static final Lsn WRITTEN = Lsn.parse("0/5000000");
    private static final Facts NOTHING = new Facts(
            "s1",
            NOW,
            Optional.empty(),
            Optional.empty(),
            List.of(),
            Optional.of(KnownRelay.end(WRITTEN)),
            Optional.empty(),
            Optional.empty(),
            KnownRelay.upstream(UpstreamStatus.State.STREAMING, Optional.empty()),
            Map.of(),
            Optional.empty(),
            OptionalLong.empty(),
            Optional.empty(),
            false,
            new Addresses("host=relay port=6433", "https://relay:8433"));

    private static StandbyStatus session(StandbyStatus.State state, Lsn sent, Lsn flushed, Lsn replayed, Instant reply, Waiting waiting) {
        return new StandbyStatus(
                41,
                "s1",
                "repl",
                "10.0.0.7:5000",
                false,
                Optional.of("s1"),
                state,
                NOW.minusSeconds(60),
                state == StandbyStatus.State.STARTUP ? Optional.empty() : Optional.of(TimelineId.of(1)),
                sent,
                flushed,
                flushed,
                replayed,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.of(reply),
                Duration.ZERO,
                0,
                waiting,
                Optional.empty());
    }

    private static Facts streaming(Lsn flushed, Lsn replayed) {
        return with(session(StandbyStatus.State.STREAMING, WRITTEN, flushed, replayed, NOW, Waiting.NOTHING));
    }

    private static Facts with(StandbyStatus session) {
        return new Facts(
                NOTHING.name(), NOW, Optional.of(session), NOTHING.slot(), NOTHING.refused(), NOTHING.end(), NOTHING.needs(), Optional.empty(), NOTHING.upstream(), Map.of(), Optional.empty(), OptionalLong.empty(), Optional.empty(), false, NOTHING.relay());
    }

    private static Facts with(SlotStatus slot) {
        return new Facts(
                NOTHING.name(), NOW, NOTHING.session(), Optional.of(slot), NOTHING.refused(), NOTHING.end(), NOTHING.needs(), Optional.empty(), NOTHING.upstream(), Map.of(), Optional.empty(), OptionalLong.empty(), Optional.empty(), false, NOTHING.relay());
    }

    private static Facts refused(Refusal.Reason reason, Diagnostic said) {
        Refusal refusal = new Refusal(NOW.minusSeconds(7), reason, "s1", Optional.of("s1"), "repl", "10.0.0.7", said, Optional.empty());
        return new Facts(
                NOTHING.name(), NOW, NOTHING.session(), NOTHING.slot(), List.of(refusal), NOTHING.end(), NOTHING.needs(), Optional.empty(), NOTHING.upstream(), Map.of(), Optional.empty(), OptionalLong.empty(), Optional.empty(), false, NOTHING.relay());
    }

    private static SlotStatus slot(String restart, boolean lost, boolean timedOut, Optional<Instant> inactiveSince, Optional<Long> safe) {
        Lsn at = Lsn.parse(restart);
        Slot slot = new Slot("s1", false, at, at, at, OptionalInt.empty(), lost, inactiveSince, timedOut, Xmins.NONE, Home.HERE, true);
        return new SlotStatus(slot, Optional.of(WRITTEN.minus(at)), safe, Optional.of(lost ? WalStatus.LOST : WalStatus.RESERVED));
    }

    private static Why why(Facts facts) {
        return Why.of(facts).orElseThrow();
    }

    private static Finding only(Facts facts) {
        List<Finding> findings = why(facts).findings();
        assertEquals(1, findings.size(), findings::toString);
        return findings.getFirst();
    }

    @Test
    void nothingIsSaidOfAStranger() {
        assertEquals(Optional.empty(), Why.of(NOTHING));
    }

    @Test
    void aStandbyThatHasEverythingIsHeldByNothing() {
        assertEquals(new Why(true, List.of()), why(streaming(WRITTEN, WRITTEN)));
        // pg_receivewal replays nothing.
        assertEquals(new Why(true, List.of()), why(streaming(WRITTEN, Lsn.INVALID)));
    }

    @Test
    void aStandbyThatIsPausedIsSaidToBeAlsoWhenItHasEverything() {
        Facts facts = streaming(WRITTEN, WRITTEN);
        Finding finding = only(visited(facts, Optional.empty(), true));
        assertEquals("paused", finding.cause());
        assertEquals("walrelay standby resume s1", finding.command().orElseThrow());
    }

    private static Facts visited(Facts facts, Optional<Visit> visit, boolean paused) {
        return new Facts(
                facts.name(), NOW, facts.session(), facts.slot(), facts.refused(), facts.end(), facts.needs(), Optional.empty(), facts.upstream(), Map.of(), Optional.empty(),
                OptionalLong.empty(), visit, paused, facts.relay());
    }

    /** As one that was promoted, and finds that its timeline is later than the relay's. */
    @Test
    void aStandbyThatComesAndLeavesIsNotSaidToBeAway() {
        Visit visit = new Visit(NOW.minusSeconds(4), "s1", "repl", "10.0.0.7");
        Finding finding = only(visited(NOTHING, Optional.of(visit), false));
        assertEquals("no-stream", finding.cause());
        assertTrue(finding.sentence().startsWith("it came 4 s ago from 10.0.0.7, was told that the relay is on timeline 1, and left: "), finding::sentence);
        assertEquals(
                "walrelay rewind -D DIRECTORY -R --source-server='host=relay port=6433 user=repl dbname=postgres' --relay=https://relay:8433 --relay-conninfo='host=relay port=6433 user=repl'",
                finding.command().orElseThrow());

        Facts since = with(slot("0/3000000", false, false, Optional.of(NOW.minusSeconds(9)), Optional.empty()));
        assertEquals("no-stream", only(visited(since, Optional.of(visit), false)).cause());
        Facts before = with(slot("0/3000000", false, false, Optional.of(NOW.minusSeconds(3)), Optional.empty()));
        assertEquals("not-connected", only(visited(before, Optional.of(visit), false)).cause());
    }

    @Test
    void whatAStreamWaitsForIsNamed() {
        Finding ahead = only(with(session(StandbyStatus.State.CATCHUP, Lsn.INVALID, Lsn.INVALID, Lsn.INVALID, NOW, new Waiting.Ahead(Lsn.parse("0/6000000")))));
        assertEquals("ahead", ahead.cause());
        assertTrue(ahead.stops() && ahead.sentence().contains("from 0/6000000") && ahead.sentence().contains("up to 0/5000000"), ahead::toString);

        Finding archive = only(with(session(StandbyStatus.State.CATCHUP, Lsn.parse("0/3000000"), Lsn.INVALID, Lsn.INVALID, NOW, new Waiting.Archive(Lsn.parse("0/3000000")))));
        assertEquals("archive", archive.cause());
        assertTrue(!archive.stops() && archive.sentence().contains("0/3000000 comes from the archive"), archive::toString);

        Finding behind = only(with(session(StandbyStatus.State.CATCHUP, Lsn.parse("0/4FFFFFF"), Lsn.INVALID, Lsn.INVALID, NOW, Waiting.NOTHING)));
        assertEquals("catchup", behind.cause());
        assertTrue(behind.sentence().contains("is 1 bytes behind"), behind::toString);
    }

    @Test
    void oneThatReplaysSlowlyOrIsSilentIsTold() {
        Finding replay = only(streaming(WRITTEN, Lsn.parse("0/4000000")));
        assertEquals("replay", replay.cause());
        assertTrue(replay.command().orElseThrow().contains("pg_is_wal_replay_paused()"), replay::toString);
        Finding silent = only(with(session(StandbyStatus.State.STREAMING, WRITTEN, WRITTEN, WRITTEN, NOW.minusSeconds(31), Waiting.NOTHING)));
        assertEquals("silent", silent.cause());
    }

    @Test
    void oneThatIsHeldBackSaysByWhom() {
        Hold until = new Hold(Hold.Why.DELAYED, Optional.of(NOW));
        assertEquals(Finding.stops("paused", "an operator has paused it, at 0/4000000", "walrelay standby resume s1"), only(held(new Hold(Hold.Why.PAUSED, Optional.empty()))));
        assertEquals(
                Finding.delays("delayed", "it is held back by standbys.named.delay until 2026-11-29T12:00:00Z, at 0/4000000", "walrelay standby release s1"),
                only(held(until)));
        assertEquals("limited", only(held(new Hold(Hold.Why.LIMITED, Optional.empty()))).cause());
    }

    private static Facts held(Hold hold) {
        Lsn sent = Lsn.parse("0/4000000");
        StandbyStatus plain = session(StandbyStatus.State.CATCHUP, sent, sent, sent, NOW, Waiting.NOTHING);
        return with(new StandbyStatus(
                plain.pid(), plain.name(), plain.user(), plain.client(), plain.relay(), plain.slot(), plain.state(), plain.since(), plain.timeline(), sent, sent, sent, sent,
                Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), plain.lastReply(), Duration.ZERO, 0, Waiting.NOTHING, Optional.of(hold)));
    }

    /** A standby that lacks a setting stops before the record that changed it, and gets WAL all the same. */
    @Test
    void aSettingThatItLacksIsNamed() {
        Lsn change = Lsn.parse("0/4000028");
        HotStandbyNeeds needs = new HotStandbyNeeds(
                NOTHING.end().orElseThrow().lineage(),
                List.of(
                        new HotStandbyNeeds.Parameters(Lsn.INVALID, Optional.empty(), new ServerParameters(100, 8, 10, 0, 64, WalLevel.REPLICA, false, false)),
                        new HotStandbyNeeds.Parameters(change, Optional.empty(), new ServerParameters(200, 8, 10, 0, 64, WalLevel.REPLICA, false, false)),
                        new HotStandbyNeeds.Parameters(WRITTEN, Optional.empty(), new ServerParameters(300, 4, 10, 0, 64, WalLevel.REPLICA, false, false))),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty());
        Finding finding = only(withLog(streaming(WRITTEN, Lsn.parse("0/4000000")), needs));
        assertEquals("parameter", finding.cause());
        assertTrue(finding.stops() && finding.sentence().contains("stands before 0/4000028"), finding::toString);
        assertEquals("on the standby: ALTER SYSTEM SET max_connections = 300; then restart it", finding.command().orElseThrow());
        assertEquals("replay", only(withLog(streaming(WRITTEN, Lsn.parse("0/3000000")), needs)).cause());
    }

    private static Facts withLog(Facts facts, HotStandbyNeeds needs) {
        return new Facts(
                facts.name(), NOW, facts.session(), facts.slot(), facts.refused(), facts.end(), Optional.of(needs), Optional.empty(), facts.upstream(), Map.of(), Optional.empty(),
                OptionalLong.empty(), Optional.empty(), false, facts.relay());
    }

    @Test
    void whySlotsAreNotSynchronisedIsTold() {
        Facts facts = streaming(WRITTEN, WRITTEN);
        Finding finding = only(new Facts(
                facts.name(), NOW, facts.session(), facts.slot(), facts.refused(), facts.end(), facts.needs(), Optional.of("upstream.acknowledge is own"), facts.upstream(), Map.of(),
                Optional.empty(), OptionalLong.empty(), Optional.empty(), false, facts.relay()));
        assertEquals("slot-sync", finding.cause());
        assertTrue(!finding.stops() && finding.sentence().endsWith("upstream.acknowledge is own"), finding::toString);
    }

    @Test
    void aSessionWithoutAStreamIsNotAStream() {
        Facts facts = with(session(StandbyStatus.State.STARTUP, Lsn.INVALID, Lsn.INVALID, Lsn.INVALID, NOW, Waiting.NOTHING));
        assertEquals("no-stream", only(facts).cause());
        assertEquals(false, why(facts).streams());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "SLOT       | 42704 | slot       | walrelay slot create s1",
        "SLOT       | 55006 | slot       | walrelay slot list",
        "SLOT       | 55000 | slot       | walrelay slot drop s1 && pg_basebackup -d 'host=relay port=6433 user=repl' -D DIRECTORY -X stream -S s1 -R -C",
        "DIVERGED   | XX000 | diverged   | walrelay rewind -D DIRECTORY -R --source-server='host=relay port=6433 user=repl dbname=postgres' --relay=https://relay:8433 --relay-conninfo='host=relay port=6433 user=repl'",
        "AHEAD      | XX000 | ahead      | walrelay status",
        "REMOVED    | 58P01 | removed    | pg_basebackup -d 'host=relay port=6433 user=repl'",
        "UNREADABLE | 58030 | unreadable | walrelay status"
    })
    void aRefusalIsToldWithTheWayOut(Refusal.Reason reason, String sqlState, String cause, String command) {
        Finding finding = only(refused(reason, Diagnostic.error(sqlState, "no")));
        assertEquals(cause, finding.cause());
        assertTrue(finding.stops());
        assertTrue(finding.sentence().startsWith("refused 7 s ago, from 10.0.0.7: no"), finding::toString);
        assertTrue(finding.command().orElseThrow().contains(command), finding::toString);
    }

    @Test
    void howMuchARewindFetchesIsToldWhereItIsKnown() {
        Facts facts = refused(Refusal.Reason.DIVERGED, Diagnostic.error("XX000", "no"));
        Finding finding = only(new Facts(
                facts.name(), NOW, facts.session(), facts.slot(), facts.refused(), facts.end(), facts.needs(), Optional.empty(), facts.upstream(), Map.of(), Optional.empty(),
                OptionalLong.of(1234), Optional.empty(), false, facts.relay()));
        assertTrue(finding.sentence().contains(" A rewind fetches 1,234 blocks or more. "), finding::toString);
        assertTrue(
                finding.sentence().endsWith("pg_rewind -D DIRECTORY -R --source-server='host=relay port=6433 user=repl dbname=postgres'"), finding::toString);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "28P01 | password authentication failed   | password | on the primary: ALTER ROLE \"repl\" PASSWORD",
        "28000 | no pg_hba.conf entry for host    | hba      | host replication \"repl\" 10.0.0.7/32 scram-sha-256",
        "28000 | role x is not permitted to log in | login   | on the primary: ALTER ROLE \"repl\" LOGIN",
        "28000 | certificate authentication failed | login   | psql",
        "42501 | permission denied                | login    | on the primary: ALTER ROLE \"repl\" REPLICATION",
        "53300 | too many                         | too-many | walrelay status",
        "57P03 | could not look up user           | login    | psql"
    })
    void whoDidNotGetInMayBeSomebodyElse(String sqlState, String message, String cause, String command) {
        Finding finding = only(refused(Refusal.Reason.LOGIN, Diagnostic.fatal(sqlState, message)));
        assertEquals(cause, finding.cause());
        assertTrue(finding.sentence().startsWith("somebody who calls himself so was refused 7 s ago, from 10.0.0.7: " + message), finding::toString);
        assertTrue(finding.command().orElseThrow().contains(command), finding::toString);
    }

    @Test
    void aRefusalThatIsOverIsNotTold() {
        Facts facts = new Facts(
                "s1",
                NOW,
                streaming(WRITTEN, WRITTEN).session(),
                Optional.empty(),
                refused(Refusal.Reason.LOGIN, Diagnostic.fatal("28P01", "no")).refused(),
                NOTHING.end(),
                NOTHING.needs(),
                Optional.empty(),
                NOTHING.upstream(),
                Map.of(),
                Optional.empty(),
                OptionalLong.empty(),
                Optional.empty(),
                false,
                NOTHING.relay());
        assertEquals(List.of(), why(facts).findings());
    }

    @Test
    void aSlotThatNobodyUsesSaysSinceWhen() {
        Finding finding = only(with(slot("0/3000000", false, false, Optional.of(NOW.minusSeconds(90)), Optional.empty())));
        assertEquals("not-connected", finding.cause());
        assertTrue(finding.sentence().contains("not connected since 2026-11-29T11:58:30Z"), finding::toString);
        assertTrue(finding.command().orElseThrow().contains("primary_conninfo = 'host=relay port=6433 application_name=s1'"), finding::toString);
    }

    @Test
    void whatHappenedToASlotIsToldBesides() {
        assertEquals(List.of("not-connected", "slot-lost"), causes(with(slot("0/3000000", true, false, Optional.empty(), Optional.empty()))));
        assertEquals(List.of("not-connected", "slot-timed-out"), causes(with(slot("0/3000000", false, true, Optional.of(NOW), Optional.empty()))));
        assertEquals(List.of("not-connected", "quota"), causes(with(slot("0/3000000", false, false, Optional.empty(), Optional.of(-1L)))));
        assertEquals(List.of("not-connected"), causes(with(slot("0/3000000", false, false, Optional.empty(), Optional.of(1L)))));
    }

    private static List<String> causes(Facts facts) {
        return why(facts).findings().stream().map(Finding::cause).toList();
    }

    @Test
    void whatKeepsTheRelayKeepsItsStandbys() {
        Facts facts = new Facts(
                "s1",
                NOW,
                streaming(WRITTEN, WRITTEN).session(),
                Optional.empty(),
                List.of(),
                NOTHING.end(),
                NOTHING.needs(),
                Optional.empty(),
                KnownRelay.upstream(UpstreamStatus.State.WAITING, Optional.of("pg1:5432 refused")),
                Map.of("disk", "the relay's disk is full"),
                Optional.empty(),
                OptionalLong.empty(),
                Optional.empty(),
                false,
                NOTHING.relay());
        assertEquals(List.of("upstream", "disk"), causes(facts));
        assertTrue(why(facts).findings().getFirst().sentence().contains("pg1:5432 refused"));
        assertTrue(why(facts).streams());
    }
}
