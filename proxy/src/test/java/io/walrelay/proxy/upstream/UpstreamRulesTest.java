package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.EndOfWal;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.TransactionStatus;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.conninfo.TargetSessionAttrs;
import io.walrelay.proxy.upstream.HostReport.LastSeen;
import io.walrelay.proxy.upstream.SignsOfLife.Verdict;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.proxy.upstream.UpstreamSnapshot.OnDivergence;
import io.walrelay.proxy.upstream.UpstreamSnapshot.Own;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The small pure decisions of the upstream link. */
class UpstreamRulesTest {

    private static final SystemId CLUSTER = new SystemId(7);
    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));
    private static final TimelineHistory TWO = ONE.promoted(new TimelineId(2), new Lsn(0x50), "");
    private static final HostAddress A = HostAddress.of("a", 5432);
    private static final HostAddress B = HostAddress.of("b", 5432);

    private static HostReport.Reachable host(HostAddress address, TimelineHistory history, long flushed, boolean inRecovery) {
        return new HostReport.Reachable(address, CLUSTER, SegmentSize.DEFAULT, history, new Lsn(flushed), inRecovery);
    }

    private static HostReport down(HostAddress address) {
        return new HostReport.Unreachable(address, "too many connections", LastSeen.PRIMARY);
    }

    private static Own own(TimelineHistory lineage, long written) {
        return new Own(CLUSTER, SegmentSize.DEFAULT, lineage, new Lsn(written), new Lsn(written));
    }

    // What a stream proves

    @Test
    void aProbeThatFailsDoesNotMakeTheHostThatStreamsLookAsIfItHadLostWal() {
        Own own = own(ONE, 0x90);
        HostReport.Reachable before = host(A, ONE, 0x40, false);
        HostReport proved = before.provedBy(own);
        UpstreamDecision decision = UpstreamChoice.decide(new UpstreamSnapshot(
                Optional.of(own), Optional.empty(), new Hint.None(), HostInUse.of(A), List.of(proved), Map.of(), TargetSessionAttrs.ANY, OnDivergence.STOP));
        assertTrue(decision instanceof UpstreamDecision.Follow f && f.host().equals(A), decision::toString);
    }

    @Test
    void aStreamThatWentOnWithAnotherTimelineProvesThatToo() {
        HostReport.Reachable proved = host(A, ONE, 0x40, true).provedBy(own(TWO, 0x60));
        assertEquals(TWO, proved.history());
        assertEquals(new Lsn(0x60), proved.flushed());
        assertEquals(TWO, host(A, TWO, 0x70, true).provedBy(own(ONE, 0x40)).history(), "ahead of us on the same lineage");
    }

    // The host in use

    @Test
    void theHostInUseChangesOnlyByWhatHappens() {
        HostInUse streaming = HostInUse.NONE.streaming(host(A, ONE, 0x40, false));
        assertEquals(new HostInUse(Optional.of(A), Optional.of(A)), streaming);
        assertTrue(streaming.demoted(host(A, TWO, 0x60, true)), "switch-over");
        assertFalse(streaming.demoted(host(A, TWO, 0x60, false)), "promoted itself");

        HostInUse lost = streaming.lost(List.of(down(A), host(B, TWO, 0x60, false)));
        assertEquals(new HostInUse(Optional.empty(), Optional.of(A)), lost);
        assertEquals(streaming, streaming.lost(List.of(host(A, ONE, 0x60, false))));
        assertTrue(lost.instead(A).demoted(host(A, TWO, 0x60, true)), "a gap must not lead back to it");

        HostInUse standby = HostInUse.NONE.streaming(host(A, ONE, 0x40, true));
        assertFalse(standby.demoted(host(A, ONE, 0x40, true)));
        assertEquals(Optional.of(A), standby.seen(List.of(host(A, TWO, 0x60, false))).usedAsPrimary());
        assertEquals(standby, standby.seen(List.of(host(B, TWO, 0x60, false), down(A))));

        HostInUse ordered = streaming.ordered().streaming(host(A, TWO, 0x60, true));
        assertFalse(ordered.demoted(host(A, TWO, 0x60, true)), "an operator said so");
    }

    @Test
    void aDivergedHostIsRememberedUntilItChangesOrWasAway() {
        Stop stop = new Stop("other bytes", "", "");
        DivergedHosts hosts = new DivergedHosts();
        hosts.remember(host(A, ONE, 0x40, false), stop);
        assertEquals(Map.of(A, stop), hosts.among(List.of(host(A, ONE, 0x60, false))));
        assertEquals(Map.of(), hosts.among(List.of(host(A, TWO, 0x60, false))), "another lineage");
        assertEquals(Map.of(), hosts.among(List.of(host(A, ONE, 0x60, false))), "forgotten");
        hosts.remember(host(A, ONE, 0x40, false), stop);
        assertEquals(Map.of(), hosts.among(List.of(down(A))));
        assertEquals(Map.of(), hosts.among(List.of(host(A, ONE, 0x60, false))));
    }

    // Gaps

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "NO,NO | true | skip",
                "NO,YES | true | Elsewhere",
                "NOT_KNOWN,YES | true | Elsewhere",
                "NO,NOT_KNOWN | true | Later",
                "NO,NOT_KNOWN | false | skip",
                "NOT_KNOWN,YES | false | Elsewhere"
            })
    void aGapIsAcceptedOnlyWhenNobodyCanHaveTheWal(String has, boolean patient, String expected) {
        String[] answers = has.split(",", -1);
        Optional<WalGap.Way> way = WalGap.decide(
                List.of(new WalGap.Answer(A, WalGap.Has.valueOf(answers[0])), new WalGap.Answer(B, WalGap.Has.valueOf(answers[1]))), patient);
        assertEquals(expected, way.map(w -> w.getClass().getSimpleName()).orElse("skip"));
    }

    // Signs of life

    @Test
    void silenceIsAskedAboutOnceAndThenDeadly() {
        SignsOfLife signs = new SignsOfLife(100, 0);
        assertEquals(Verdict.FINE, signs.judge(49));
        assertEquals(Verdict.ASK, signs.judge(50));
        assertEquals(Verdict.FINE, signs.judge(60));
        signs.heard(70);
        assertEquals(Verdict.ASK, signs.judge(120));
        assertEquals(Verdict.DEAD, signs.judge(170));
    }

    @Test
    void whatIsNotReadIsGivenBackAndNeverTakenForDead() {
        SignsOfLife signs = new SignsOfLife(100, 0);
        signs.reading(false, 90);
        signs.reading(false, 150);
        assertEquals(Verdict.FINE, signs.judge(189));
        assertEquals(Verdict.GIVE_BACK, signs.judge(190));
        signs.reading(true, 195);
        assertEquals(Verdict.FINE, signs.judge(200));
        assertEquals(Verdict.DEAD, signs.judge(295));
    }

    // Where to ask from

    private static ResumePoint resume(TimelineHistory lineage, long written, long oldest) {
        Lsn end = new Lsn(written);
        return ResumePoint.of(new EndOfWal(lineage, end, end, end, end), new SegmentSize(1 << 20), new Lsn(oldest));
    }

    @Test
    void asksForWhatItCanCompareAlsoAtASegmentsBeginning() {
        long mb = 1 << 20;
        long back = 64 << 10;
        assertEquals(new ResumePoint(new Lsn(5 * mb + back), new Lsn(5 * mb + back)), resume(ONE, 5 * mb + 2 * back, 3 * mb));
        assertEquals(new ResumePoint(new Lsn(5 * mb), new Lsn(5 * mb)), resume(ONE, 5 * mb + 20_000, 3 * mb), "enough of this segment");
        assertEquals(new ResumePoint(new Lsn(5 * mb), new Lsn(5 * mb - back)), resume(ONE, 5 * mb, 3 * mb));
        assertEquals(new ResumePoint(new Lsn(5 * mb), new Lsn(5 * mb + 100 - back)), resume(ONE, 5 * mb + 100, 3 * mb));
        assertEquals(new ResumePoint(new Lsn(5 * mb), new Lsn(5 * mb)), resume(ONE, 5 * mb, 5 * mb), "nothing held before");
        TimelineHistory forked = ONE.promoted(new TimelineId(2), new Lsn(5 * mb + 2 * back), "");
        assertEquals(new ResumePoint(new Lsn(5 * mb + back), new Lsn(5 * mb + back)), resume(forked, 5 * mb + 2 * back, 3 * mb), "a timeline's beginning");
        TimelineHistory atBoundary = ONE.promoted(new TimelineId(2), new Lsn(5 * mb), "");
        assertEquals(new ResumePoint(new Lsn(5 * mb), new Lsn(5 * mb)), resume(atBoundary, 5 * mb, 3 * mb), "the segment before bears the parent's name");
    }

    // Answers

    @Test
    void anAnswerThatDoesNotEndIsNotKept() {
        QueryConversation query = new QueryConversation("SHOW x");
        for (int i = 0; i < 2_000; i++) {
            query.on(new BackendMessage.DataRow(List.of("x")));
        }
        assertTrue(query.on(new BackendMessage.ReadyForQuery(TransactionStatus.IDLE)));
        CompletionException e = assertThrows(CompletionException.class, () -> query.answer().join());
        assertTrue(String.valueOf(e.getMessage()).contains("more than 1000 rows"), e::toString);
        assertEquals(Set.of(true), Set.of(query.answer().isDone()));
    }
}
