package io.walrelay.cache.retention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.walrelay.cache.retention.Retention.Archival;
import io.walrelay.cache.retention.Retention.Decision;
import io.walrelay.cache.retention.Retention.Holder;
import io.walrelay.cache.retention.Retention.Limits;
import io.walrelay.cache.retention.Retention.Segment;
import io.walrelay.cache.retention.Retention.Snapshot;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Segments 1 to 8 of 1 MB, of which {@code old} were completed two hours ago and the rest just now, {@code archived} are in
 * the archive; WAL ends where segment 9 begins. WAL that nobody needs is kept for an hour.
 */
class RetentionTest {

    private static final long MB = 1 << 20;
    private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");

    record Case(
            String name, int old, int archived, long limit, long free, boolean hold, List<Holder.Slot> slots,
            List<Integer> freed, List<String> lost, boolean holds, String horizon) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Holder.Slot slot(String name, int segment) {
        return new Holder.Slot(name, new Lsn(segment * MB), 99 * MB, false);
    }

    /** One that may hold less than others. */
    private static Holder.Slot modest(String name, int segment, int segments) {
        return new Holder.Slot(name, new Lsn(segment * MB), segments * MB, false);
    }

    /** One that nobody used for too long. */
    private static Holder.Slot forgotten(String name, int segment) {
        return new Holder.Slot(name, new Lsn(segment * MB), 99 * MB, true);
    }

    static Stream<Arguments> cases() {
        Holder.Slot one = slot("one", 1);
        Holder.Slot three = slot("three", 3);
        Holder.Slot six = slot("six", 6);
        Holder.Slot inside = new Holder.Slot("inside", new Lsn(3 * MB + 5), 99 * MB, false);
        return Stream.of(
                        new Case("keeps young WAL that nobody needs", 0, 0, 99, 99, false, List.of(), List.of(), List.of(), false, ""),
                        new Case("frees old WAL that nobody needs", 3, 0, 99, 99, false, List.of(), List.of(1, 2, 3), List.of(), false, ""),
                        new Case("keeps old WAL that a slot needs", 5, 0, 99, 99, false, List.of(three, six), List.of(1, 2), List.of(), false, "three"),
                        new Case("keeps the segment that a slot is inside of", 8, 0, 99, 99, false, List.of(inside), List.of(1, 2), List.of(), false, "inside"),
                        new Case("over the limit frees young WAL, only as much as must be", 0, 0, 6, 99, false, List.of(six), List.of(1, 2), List.of(), false, "six"),
                        new Case("over the limit frees what is archived before a slot is lost", 0, 4, 5, 99, false, List.of(one, three), List.of(1, 2, 3), List.of(), false, "one"),
                        new Case("what nobody needs goes before what is archived", 0, 8, 6, 99, false, List.of(three), List.of(1, 2), List.of(), false, "three"),
                        new Case("then the slot that holds the most is lost", 0, 0, 6, 99, false, List.of(six, one, three), List.of(1, 2), List.of("one"), false, "three"),
                        new Case("and the next when that is not enough", 0, 0, 4, 99, false, List.of(six, one, three), List.of(1, 2, 3, 4), List.of("one", "three"), false, "six"),
                        new Case("or upstream is held instead", 0, 0, 6, 99, true, List.of(one), List.of(), List.of(), true, "one"),
                        new Case("a limit that what is left does not fit in is passed over", 0, 0, -1, 99, false, List.of(), List.of(1, 2, 3, 4, 5, 6, 7, 8), List.of(), false, ""),
                        new Case("unless upstream is to be held", 0, 0, -1, 99, true, List.of(), List.of(1, 2, 3, 4, 5, 6, 7, 8), List.of(), true, ""),
                        new Case("upstream is held when the file system has no room", 0, 0, 99, -6, false, List.of(), List.of(1, 2, 3, 4, 5, 6, 7, 8), List.of(), true, ""),
                        new Case("a file system that is nearly full counts as the limit", 0, 0, 99, 1, false, List.of(six), List.of(1, 2), List.of(), false, "six"),
                        new Case("a slot may hold just as much as it may", 8, 0, 99, 99, false, List.of(modest("three", 3, 6)), List.of(1, 2), List.of(), false, "three"),
                        new Case("and is lost when it holds more", 8, 0, 99, 99, false, List.of(modest("three", 3, 5), six), List.of(1, 2, 3, 4, 5), List.of("three"), false, "six"),
                        new Case("but not before WAL goes that it needs", 2, 0, 99, 99, false, List.of(modest("three", 3, 5), six), List.of(1, 2), List.of(), false, "six"),
                        new Case("nor while another slot keeps that", 8, 0, 99, 99, false, List.of(modest("three", 3, 5), one), List.of(), List.of(), false, "one"),
                        new Case("nor when the archive has it", 8, 5, 99, 99, false, List.of(modest("three", 3, 5), six), List.of(1, 2, 3, 4, 5), List.of(), false, "six"),
                        new Case("each slot has its own limit", 8, 0, 99, 99, false, List.of(modest("one", 1, 7), modest("three", 3, 6)), List.of(1, 2), List.of("one"), false, "three"),
                        new Case("one that nobody used for too long keeps nothing", 8, 0, 99, 99, false, List.of(forgotten("three", 3), six), List.of(1, 2, 3, 4, 5), List.of("three"), false, "six"),
                        new Case("and is not lost while its WAL is there", 0, 0, 99, 99, false, List.of(forgotten("three", 3)), List.of(), List.of(), false, ""),
                        new Case("where upstream is held it still keeps nothing", 0, 0, 6, 99, true, List.of(forgotten("one", 1)), List.of(1, 2), List.of("one"), false, ""))
                .map(Arguments::of);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void decides(Case c) {
        List<Segment> segments = new ArrayList<>();
        for (int n = 1; n <= 8; n++) {
            Instant completed = n <= c.old ? NOW.minus(Duration.ofHours(2)) : NOW;
            segments.add(new Segment(Retention.OWN, id(n), new Lsn(n * MB), new Lsn((n + 1) * MB), completed, n <= c.archived ? Archival.DONE : Archival.NONE));
        }
        Limits limits = new Limits(Duration.ofHours(1), c.limit * MB, 8 * MB, c.free * MB, 3 * MB, c.hold);
        Decision decision = Retention.decide(new Snapshot(segments, new Lsn(9 * MB), c.slots, List.of(), limits, NOW));
        assertEquals(c.freed.stream().map(RetentionTest::id).toList(), decision.free().stream().map(Segment::id).toList());
        assertEquals(c.lost, decision.lost());
        assertEquals(c.holds, decision.hold());
        assertEquals(Optional.of(c.horizon).filter(name -> !name.isEmpty()), decision.horizon().map(RetentionTest::name));
    }

    private static String name(Holder holder) {
        return switch (holder) {
            case Holder.Slot slot -> slot.name();
            case Holder.FailoverSlot slot -> "upstream's " + slot.name();
            case Holder.Archive _ -> "(archive)";
        };
    }

    /** All segments are old; up to {@code archived} they are in the archive, the rest is still to come there. */
    record WithArchive(
            String name, int archived, long limit, boolean hold, List<Holder.Slot> slots,
            List<Integer> freed, List<String> lost, boolean holds, String horizon) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Arguments> casesWithArchive() {
        return Stream.of(
                        new WithArchive("keeps what is to be archived, however old", 2, 99, false, List.of(), List.of(1, 2), List.of(), false, "(archive)"),
                        new WithArchive("a slot over its quota reads the archive", 4, 99, false, List.of(modest("far", 1, 5)), List.of(1, 2, 3, 4), List.of(), false, "(archive)"),
                        new WithArchive("and so does one that nobody used for too long", 4, 99, false, List.of(forgotten("far", 1)), List.of(1, 2, 3, 4), List.of(), false, "(archive)"),
                        new WithArchive("over the limit what is archived goes, whoever needs it", 4, 5, false, List.of(slot("far", 1)), List.of(1, 2, 3), List.of(), false, "far"),
                        new WithArchive("then the archive itself loses what it holds, and slots that need the same", 2, 4, false, List.of(slot("far", 1), slot("near", 6)), List.of(1, 2, 3, 4), List.of("far"), false, "near"),
                        new WithArchive("a slot that holds as much as the archive is lost before it", 0, 6, false, List.of(slot("first", 1), slot("near", 6)), List.of(1, 2), List.of("first"), false, "near"),
                        new WithArchive("or upstream is held for the archive", 2, 4, true, List.of(), List.of(1, 2), List.of(), true, "(archive)"))
                .map(Arguments::of);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("casesWithArchive")
    void decidesWithAnArchive(WithArchive c) {
        List<Segment> segments = new ArrayList<>();
        for (int n = 1; n <= 8; n++) {
            segments.add(new Segment(
                    Retention.OWN, id(n), new Lsn(n * MB), new Lsn((n + 1) * MB), NOW.minus(Duration.ofHours(2)), n <= c.archived ? Archival.DONE : Archival.PENDING));
        }
        Limits limits = new Limits(Duration.ofHours(1), c.limit * MB, 8 * MB, 99 * MB, 3 * MB, c.hold);
        Decision decision = Retention.decide(new Snapshot(segments, new Lsn(9 * MB), c.slots, List.of(), limits, NOW));
        assertEquals(c.freed.stream().map(RetentionTest::id).toList(), decision.free().stream().map(Segment::id).toList());
        assertEquals(c.lost, decision.lost());
        assertEquals(c.holds, decision.hold());
        assertEquals(Optional.of(c.horizon), decision.horizon().map(RetentionTest::name));
    }

    /** An archive that could not be asked has not said that it lacks anything. */
    @Test
    void whatMayBeInTheArchiveIsKeptForItAndLosesNoSlotWhenItGoes() {
        List<Segment> segments = new ArrayList<>();
        for (int n = 1; n <= 8; n++) {
            segments.add(new Segment(Retention.OWN, id(n), new Lsn(n * MB), new Lsn((n + 1) * MB), NOW.minus(Duration.ofHours(2)), Archival.UNKNOWN));
        }
        List<Holder.Slot> slots = List.of(slot("far", 1), forgotten("forgotten", 1));
        Limits wide = new Limits(Duration.ofHours(1), 99 * MB, 8 * MB, 99 * MB, 3 * MB, false);
        Decision kept = Retention.decide(new Snapshot(segments, new Lsn(9 * MB), slots, List.of(), wide, NOW));
        assertEquals(List.of(), kept.free());
        Limits narrow = new Limits(Duration.ofHours(1), 6 * MB, 8 * MB, 99 * MB, 3 * MB, false);
        Decision decision = Retention.decide(new Snapshot(segments, new Lsn(9 * MB), slots, List.of(), narrow, NOW));
        assertEquals(List.of(id(1), id(2)), decision.free().stream().map(Segment::id).toList());
        assertEquals(List.of(), decision.lost());
    }

    /** As a slot of the relay's, and under the same limits; but there is nothing here to be marked lost. */
    @Test
    void upstreamsFailoverSlotsKeepWhatTheyNeed() {
        assertEquals("upstream's sub keeps, freed [1, 2]", withFailoverSlot(new Holder.FailoverSlot("sub", new Lsn(3 * MB + 5), 99 * MB), 99));
        assertEquals("nobody keeps, freed [1, 2, 3, 4, 5, 6, 7, 8]", withFailoverSlot(new Holder.FailoverSlot("sub", new Lsn(3 * MB + 5), 5 * MB), 99));
        assertEquals("nobody keeps, freed [1, 2, 3, 4, 5, 6]", withFailoverSlot(new Holder.FailoverSlot("sub", new Lsn(3 * MB + 5), 99 * MB), 2));
    }

    private static String withFailoverSlot(Holder.FailoverSlot slot, long limit) {
        List<Segment> segments = new ArrayList<>();
        for (int n = 1; n <= 8; n++) {
            segments.add(new Segment(Retention.OWN, id(n), new Lsn(n * MB), new Lsn((n + 1) * MB), NOW.minus(Duration.ofHours(2)), Archival.NONE));
        }
        Limits limits = new Limits(Duration.ofHours(1), limit * MB, 8 * MB, 99 * MB, 3 * MB, false);
        Decision decision = Retention.decide(new Snapshot(segments, new Lsn(9 * MB), List.of(), List.of(slot), limits, NOW));
        assertEquals(List.of(), decision.lost());
        return "%s keeps, freed %s".formatted(
                decision.horizon().map(RetentionTest::name).orElse("nobody"), decision.free().stream().map(s -> s.start().value() / MB).toList());
    }

    @Test
    void anOrphanStaysUntilItIsArchived() {
        Instant old = NOW.minus(Duration.ofHours(2));
        Segment done = new Segment(new Retention.Side.Orphan("lost", false), id(1), new Lsn(MB), new Lsn(2 * MB), old, Archival.DONE);
        Segment pending = new Segment(new Retention.Side.Orphan("lost", false), id(2), new Lsn(2 * MB), new Lsn(3 * MB), old, Archival.PENDING);
        assertEquals(List.of(done), decide(List.of(done, pending), 99).free());
        assertEquals(List.of(done, pending), decide(List.of(done, pending), 0).free());
    }

    @Test
    void orphansAreFreedByAgeLikeAllThatNobodyNeeds() {
        Segment accepted = orphan(1, NOW.minus(Duration.ofHours(2)), false);
        Segment evidence = orphan(2, NOW.minus(Duration.ofHours(2)), true);
        Segment young = orphan(3, NOW, false);
        assertEquals(List.of(accepted), decide(List.of(accepted, evidence, young), 99).free());
    }

    @Test
    void overTheLimitOrphansGoBeforeASlotIsLostAndEvidenceStays() {
        Segment needed = new Segment(Retention.OWN, id(8), new Lsn(8 * MB), new Lsn(9 * MB), NOW, Archival.NONE);
        Segment evidence = orphan(2, NOW, true);
        Segment young = orphan(3, NOW, false);
        Decision decision = decide(List.of(evidence, young, needed), 2);
        assertEquals(List.of(young), decision.free());
        assertEquals(List.of(), decision.lost());

        Decision tighter = decide(List.of(evidence, young, needed), 1);
        assertEquals(List.of(young, needed), tighter.free());
        assertEquals(List.of("slot"), tighter.lost());

        Decision impossible = decide(List.of(evidence, young, needed), 0);
        assertEquals(List.of(young, needed), impossible.free());
        assertEquals(MB, impossible.overLimit());
        assertFalse(impossible.hold());
    }

    private static Decision decide(List<Segment> segments, long limit) {
        Limits limits = new Limits(Duration.ofHours(1), limit * MB, segments.size() * MB, 99 * MB, MB, false);
        return Retention.decide(new Snapshot(segments, new Lsn(9 * MB), List.of(slot("slot", 8)), List.of(), limits, NOW));
    }

    private static Segment orphan(int number, Instant completed, boolean evidence) {
        return new Segment(new Retention.Side.Orphan("lost", evidence), id(number), new Lsn(number * MB), new Lsn((number + 1) * MB), completed, Archival.NONE);
    }

    private static SegmentId id(int number) {
        return new SegmentId(new TimelineId(1), number);
    }
}
