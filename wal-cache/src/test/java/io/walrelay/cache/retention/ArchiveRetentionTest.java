package io.walrelay.cache.retention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.ObjectStore;
import io.walrelay.cache.retention.ArchiveRetention.Contents;
import io.walrelay.cache.retention.ArchiveRetention.Decision;
import io.walrelay.cache.retention.ArchiveRetention.Need;
import io.walrelay.cache.retention.ArchiveRetention.Snapshot;
import io.walrelay.cache.retention.ArchiveRetention.Stored;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Segments of 1 MB; WAL is kept for an hour. The relay is on B, whose WAL it has on its disk from segment 9 on.
 *
 * <pre>
 *   segment  1  2  3  4  5  6  7  8  9
 *   A        ────────┬──┬──┬·········     timeline 1
 *   X                └──────·····         timeline 2, an orphan, left A inside of segment 3
 *   B                   └──┬──────────▶   timeline 2 again, left A inside of segment 4
 *   C                      └──────        timeline 3, left B inside of segment 5
 * </pre>
 */
class ArchiveRetentionTest {

    private static final long MB = 1 << 20;
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");
    private static final Instant OLD = NOW.minus(Duration.ofHours(2));
    private static final Duration KEEP = Duration.ofHours(1);

    private static final TimelineHistory A = TimelineHistory.root(new TimelineId(1));
    private static final TimelineHistory X = A.promoted(new TimelineId(2), new Lsn(3 * MB + 800), "");
    private static final TimelineHistory B = A.promoted(new TimelineId(2), new Lsn(4 * MB + 800), "");
    private static final TimelineHistory C = B.promoted(new TimelineId(3), new Lsn(5 * MB + 800), "");
    private static final Map<String, TimelineHistory> LINEAGES = Map.of("A", A, "X", X, "B", B, "C", C);

    private static final Need DISK = new Need.Disk(B, new Lsn(9 * MB));

    /** @param young what of {@code objects} has just been stored */
    record Case(String name, String objects, String young, String onDisk, List<Need> needs, String deleted, String horizon) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Need pin(TimelineHistory lineage, int segment) {
        return new Need.Pin("pin", lineage, new Lsn(segment * MB + 5));
    }

    private static Need slot(int segment) {
        return new Need.Slot("slot", B, new Lsn(segment * MB + 5));
    }

    private static Case of(String name, String objects, String young, List<Need> needs, String deleted, String horizon) {
        return new Case(name, objects, young, "", needs, deleted, horizon);
    }

    static Stream<Arguments> cases() {
        String main = "A1 A2 A3 A4 Bh B4 B5 B6 B7 B8 B9";
        return Stream.of(
                        of("keeps what is young", "A1 A2 A3", "A1 A2 A3", List.of(), "", ""),
                        of("deletes what is old and nobody needs", main, "", List.of(), "A1 A2 A3 A4 B4 B5 B6 B7 B8", "disk"),
                        of("deletes up to the first that is young", main, "B6 B7", List.of(), "A1 A2 A3 A4 B4 B5", "disk"),
                        of("deletes nothing past one that stays, as of an import that came late", main, "A2", List.of(), "A1", "disk"),
                        of("an ancestor's that stays keeps its children's", main, "A4", List.of(), "A1 A2 A3", "disk"),
                        of("but not when it lies past the fork", main + " A5", "A5", List.of(), "A1 A2 A3 A4 B4 B5 B6 B7 B8", "disk"),
                        of("keeps what a slot needs", main, "", List.of(slot(6)), "A1 A2 A3 A4 B4 B5", "slot"),
                        of("also on the way before the fork", main, "", List.of(slot(3)), "A1 A2", "slot"),
                        of("an ancestor's end past the fork stays behind what stays", main + " A5 A6", "", List.of(slot(3)), "A1 A2", "slot"),
                        of("keeps what a pin needs", main, "", List.of(pin(B, 6)), "A1 A2 A3 A4 B4 B5", "pin"),
                        of("from the segment that the pin is inside of", main, "", List.of(pin(B, 5)), "A1 A2 A3 A4 B4", "pin"),
                        of("a pin keeps what descends from its lineage", main + " Ch C5 C6", "", List.of(pin(A, 2)), "A1", "pin"),
                        of("and on the side that lost as well", main + " A5 Xh X3 X4", "", List.of(pin(A, 3)), "A1 A2", "pin"),
                        of("a pin on an orphan keeps the way to it", "A1 A2 A3 Xh X3 X4", "", List.of(pin(X, 2)), "A1", "pin"),
                        of("and nothing of the side that won", "A1 A2 A3 A4 Xh X3 X4 Bh B4 B5", "", List.of(pin(X, 4)), "A1 A2 A3 X3 A4 B4 B5", "pin"),
                        of("a number that was taken twice is two lineages", "A1 A2 Xh X3 X4 X5 Bh B4 B5", "", List.of(pin(B, 4)), "A1 A2 X3 X4 X5 Xh", "pin"),
                        of("the oldest of those who need it is the horizon", main, "", List.of(pin(B, 7), slot(5)), "A1 A2 A3 A4 B4", "slot"),
                        of("while older WAL comes in nothing goes", main + " Xh X3 X4", "", List.of(new Need.Import("/old", A, Lsn.INVALID)), "", "import"),
                        of("an orphan goes by age with its history", "A1 Bh Xh X3 X4 X5", "", List.of(), "A1 X3 X4 X5 Xh", ""),
                        of("its history stays for what is left of it", "A1 Bh Xh X3 X4 X5", "X5", List.of(), "A1 X3 X4", ""),
                        of("an ancestor's history stays for its descendants", "Bh B4 Ch C5 C6", "C6", List.of(), "B4 C5", ""),
                        of("a lineage's history goes when all is gone", "Ch C5 C6", "", List.of(), "C5 C6 Ch", ""),
                        of("the relay's own history stays", "Bh B4", "", List.of(), "B4", ""),
                        of("a pin's history stays", "Ch C5", "", List.of(new Need.Pin("pin", C, new Lsn(7 * MB))), "C5", ""),
                        of(
                                "an orphan that alarms stays, and what won does not stay with it",
                                "A1 A2 A3 A4 A5 A6 Bh B4 B5",
                                "",
                                List.of(new Need.Orphan(A, B.begin())),
                                "A1 A2 A3",
                                "orphan"),
                        of(
                                "past the segment of its fork",
                                "A1 A2 A3 A5 A6 Bh B5 B6",
                                "",
                                List.of(new Need.Orphan(A, B.begin())),
                                "A1 A2 A3 B5 B6",
                                "orphan"),
                        new Case("what the relay would archive again stays", "A1 A2 Xh X3 X4", "", "X3 X4", List.of(), "A1 A2", ""),
                        of("what lies beside a segment goes with it", "A1 A1! A2", "", List.of(), "A1 A1! A2", ""),
                        of("and keeps it while it is young", "A1 A1! A2", "A1!", List.of(), "", ""),
                        of("a partial segment and a backup's file are as their segment", "A1b A1 A2 A3p", "", List.of(pin(A, 3)), "A1 A1b A2", "pin"))
                .map(Arguments::of);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void decides(Case c) throws IOException {
        List<Stored> objects = new ArrayList<>(witnesses(NOW));
        words(c.objects).forEach(word -> objects.add(object(word, words(c.young).contains(word) ? NOW : OLD)));
        Decision decision = decide(objects, c.needs, c.onDisk, NOW);
        assertEquals(c.deleted, deleted(decision));
        assertEquals(c.horizon, decision.horizon().map(ArchiveRetentionTest::kind).orElse(""));
    }

    private static Decision decide(List<Stored> objects, List<Need> needs, String onDisk, Instant now) throws IOException {
        return decide(objects, needs, onDisk, now, Integer.MAX_VALUE - 1);
    }

    private static Decision decide(List<Stored> objects, List<Need> needs, String onDisk, Instant now, int most) throws IOException {
        List<Need> all = new ArrayList<>(needs);
        all.add(DISK);
        Set<String> keys = Set.copyOf(words(onDisk).stream().map(word -> object(word, OLD).name().key()).toList());
        Contents contents = contents(objects);
        return ArchiveRetention.decide(new Snapshot(contents, ArchiveRetention.oldBefore(contents, KEEP, now), all, keys, List.of(B), most));
    }

    private static Contents contents(List<Stored> objects) {
        return new Contents() {
            @Override
            public List<TimelineHistory> lineages() {
                return objects.stream().map(object -> object.name().lineage()).distinct().toList();
            }

            @Override
            public void forEach(TimelineHistory lineage, Consumer<Stored> each) {
                objects.stream().filter(object -> object.name().lineage().equals(lineage)).forEach(each);
            }
        };
    }

    /** However few are deleted at a time, they go in the order in which all would go at once. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void decidesTheSameInSmallSteps(Case c) throws IOException {
        for (int most = 1; most <= 3; most++) {
            List<Stored> objects = new ArrayList<>(witnesses(NOW));
            words(c.objects).reversed().forEach(word -> objects.add(object(word, words(c.young).contains(word) ? NOW : OLD)));
            List<String> deleted = new ArrayList<>();
            Decision decision;
            do {
                decision = decide(objects, c.needs, c.onDisk, NOW, most);
                assertTrue(decision.delete().size() <= most && (!decision.more() || decision.delete().size() == most), decision::toString);
                decision.delete().forEach(stored -> deleted.add(stored.object().key()));
                objects.removeAll(decision.delete());
            } while (decision.more());
            assertEquals(c.deleted, String.join(" ", deleted), "at most " + most);
        }
    }

    private static List<String> words(String text) {
        return Arrays.stream(text.split(" ")).filter(word -> !word.isEmpty()).toList();
    }

    /** {@code A1} is segment 1 of A, {@code A1!} what lies beside it, {@code A1p} partial, {@code A1b} a backup's file, {@code Bh} B's history. */
    private static Stored object(String word, Instant stored) {
        TimelineHistory lineage = LINEAGES.getOrDefault(word.substring(0, 1), A);
        if (word.endsWith("h")) {
            return object(word, lineage, new WalFileName.History(lineage.timeline()), stored);
        }
        SegmentId id = new SegmentId(lineage.timeline(), Long.parseLong(word.replaceAll("\\D", "")));
        WalFileName file = switch (word.charAt(word.length() - 1)) {
            case 'p' -> new WalFileName.Partial(id);
            case 'b' -> new WalFileName.Backup(id, 40);
            default -> new WalFileName.Segment(id);
        };
        return object(word, lineage, file, stored);
    }

    private static Stored object(String word, TimelineHistory lineage, WalFileName file, Instant stored) {
        return new Stored(new ArchivedName(lineage, file, SEGMENT), new ObjectStore.Listed(word, MB, stored));
    }

    /** Enough to agree that it is {@code at}: of a timeline that nothing else is on. */
    private static List<Stored> witnesses(Instant at) {
        TimelineHistory other = TimelineHistory.root(new TimelineId(9));
        List<Stored> objects = new ArrayList<>();
        for (int n = 0; n < ArchiveRetention.WITNESSES; n++) {
            objects.add(object("W" + n, other, new WalFileName.Segment(new SegmentId(other.timeline(), 100 + n)), at));
        }
        return objects;
    }

    @Test
    void whoComesBeforeAFileIsDeletedIsHeard() {
        assertTrue(ArchiveRetention.isNeeded(object("A3", OLD).name(), List.of(pin(B, 3))));
        assertFalse(ArchiveRetention.isNeeded(object("A2", OLD).name(), List.of(pin(B, 3))));
        assertFalse(ArchiveRetention.isNeeded(object("X4", OLD).name(), List.of(pin(B, 3))));
        assertTrue(ArchiveRetention.isNeeded(object("Bh", OLD).name(), List.of(pin(C, 9))));
        assertFalse(ArchiveRetention.isNeeded(object("Xh", OLD).name(), List.of(pin(C, 9))));
    }

    private static String deleted(Decision decision) {
        return String.join(" ", decision.delete().stream().map(stored -> stored.object().key()).toList());
    }

    private static String kind(Need need) {
        return switch (need) {
            case Need.Pin _ -> "pin";
            case Need.Slot _ -> "slot";
            case Need.FailoverSlot _ -> "failover-slot";
            case Need.Disk _ -> "disk";
            case Need.Orphan _ -> "orphan";
            case Need.Import _ -> "import";
        };
    }

    @Test
    void aClockThatIsAheadMakesNothingOlder() throws IOException {
        List<Stored> objects = new ArrayList<>(witnesses(NOW));
        objects.add(object("A1", NOW.minus(Duration.ofMinutes(30))));
        assertEquals("", deleted(decide(objects, List.of(), "", NOW.plus(Duration.ofDays(365)))));
    }

    @Test
    void aClockThatIsBehindKeepsMore() throws IOException {
        List<Stored> objects = new ArrayList<>(witnesses(NOW));
        objects.add(object("A1", OLD));
        assertEquals("", deleted(decide(objects, List.of(), "", NOW.minus(Duration.ofDays(365)))));
        assertEquals("A1", deleted(decide(objects, List.of(), "", NOW)));
    }

    @Test
    void aStoresClockThatWasAheadForAMomentMakesNothingOlder() throws IOException {
        Instant jump = NOW.plus(Duration.ofDays(365));
        List<Stored> objects = new ArrayList<>(witnesses(jump).subList(0, ArchiveRetention.WITNESSES - 1));
        objects.add(object("A1", NOW.minus(Duration.ofMinutes(30))));
        objects.add(object("A2", NOW));
        assertEquals("", deleted(decide(objects, List.of(), "", jump)));
    }

    @Test
    void anArchiveThatNothingGoesIntoLosesNothing() throws IOException {
        List<Stored> objects = new ArrayList<>(witnesses(OLD));
        objects.add(object("A1", OLD.minus(Duration.ofMinutes(59))));
        assertEquals("", deleted(decide(objects, List.of(), "", NOW.plus(Duration.ofDays(30)))));
    }
}
