package io.walrelay.cache.lookup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.lookup.WalView.Archived;
import io.walrelay.cache.lookup.WalView.Copy;
import io.walrelay.cache.lookup.WalView.Orphaned;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Segments of 1 MB, so that the segment's number is the position without its last five digits: 0/3080000 lies in the middle of segment 030.
 *
 * <pre>
 *           010…01F   020     021    030      031   04F  050      070
 *   1       ═══════════╤════════════════╤══────────┄ 0/3180000 orphan
 *   2 twice            └───┄ 0/20A0000  │ orphan
 *   2                                   └═════════════╗
 *   3                                                 ╚═══════════┄ 0/7040000 written
 *   4                                                           └──── only the archive knows
 * </pre>
 */
class WalLookupTest {

    private static final SegmentSize SIZE = new SegmentSize(1 << 20);
    private static final Lsn WRITTEN = Lsn.parse("0/7040000");
    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));
    private static final TimelineHistory TAKEN_TWICE = promoted(ONE, 2, "0/2080000");
    private static final TimelineHistory TWO = promoted(ONE, 2, "0/3080000");
    private static final TimelineHistory THREE = promoted(TWO, 3, "0/5000000");
    private static final TimelineHistory FOUR = promoted(THREE, 4, "0/7020000");

    /** Up to where each file of the relay's own reaches; 04E breaks off at a gap. */
    private static final Map<String, String> OWN = Map.of(
            "1/01F", "0/2000000", "1/030", "0/3080000", "2/030", "0/3100000", "2/04E", "0/4E10000", "2/04F", "0/5000000", "3/050", "0/5100000", "3/070", "0/7040000");

    private static final Map<String, String> PAST_THE_FORK_OF_ONE = Map.of("1/030", "0/3100000", "1/031", "0/3180000");
    private static final Map<String, String> TAKEN_TWICE_FILES = Map.of("2/020", "0/20A0000");

    private static TimelineHistory promoted(TimelineHistory parent, int child, String at) {
        return parent.promoted(new TimelineId(child), Lsn.parse(at), "because");
    }

    private static Optional<Copy> copy(Map<String, String> files, WalFileName name) {
        Optional<SegmentId> id = switch (name) {
            case WalFileName.Segment s -> Optional.of(s.id());
            case WalFileName.Partial p -> Optional.of(p.id());
            case WalFileName.Backup _, WalFileName.History _ -> Optional.empty();
        };
        return id.flatMap(i -> Optional.ofNullable(files.get("%s/%03X".formatted(i.timeline(), i.number())))
                .map(Lsn::parse)
                .map(end -> new Copy(end.equals(i.end(SIZE)), end)));
    }

    private static WalView view(WalFileName name, Archived archive) {
        List<Orphaned> orphans =
                List.of(new Orphaned(TAKEN_TWICE, copy(TAKEN_TWICE_FILES, name)), new Orphaned(ONE, copy(PAST_THE_FORK_OF_ONE, name)));
        return new WalView(THREE, WRITTEN, SIZE, copy(OWN, name), orphans, archive);
    }

    /** {@code 1/030}, {@code 1/030.partial}, {@code 2.history}, {@code 1/030.backup}. */
    private static WalFileName name(String text) {
        String[] parts = text.split("[/.]", -1);
        String timeline = "%08X".formatted(Integer.parseInt(parts[0]));
        if (text.endsWith("history")) {
            return WalFileName.require(timeline + ".history", SIZE);
        }
        String segment = timeline + "%016X".formatted(Long.parseLong(parts[1], 16));
        String suffix = parts.length == 2 ? "" : parts[2].equals("backup") ? ".00080000.backup" : "." + parts[2];
        return WalFileName.require(segment + suffix, SIZE);
    }

    private static WalQuery query(String file, String mode, String selector, boolean padded) {
        return new WalQuery(name(file), Mode.parse(mode), selector.equals("-") ? Optional.empty() : Optional.of(LineageSelector.parse(selector)), padded);
    }

    private static String spell(Answer answer) {
        return switch (answer) {
            case Answer.AskArchive() -> "ask";
            case Answer.NotOnLineage(_, var fork, var selectors) -> "409 %s %s".formatted(fork.map(Lsn::toString).orElse("?"), String.join(",", selectors)).strip();
            case Answer.Look(var places, var otherwise) -> places.stream().map(WalLookupTest::spell).map(p -> p + " > ").collect(Collectors.joining())
                    + switch (otherwise) {
                        case Answer.Missing.Absent _ -> "absent";
                        case Answer.Missing.NotYet _ -> "not yet";
                    };
        };
    }

    private static String spell(Place place) {
        return switch (place) {
            case Place.Own(_, var extent) -> "own" + spell(extent);
            case Place.Orphan(var lineage, _, var extent) -> "orphan " + lineage.timeline() + spell(extent);
            case Place.Archived(var object, var extent) -> "archive %s@%s%s%s".formatted(
                    object.lineage().timeline(), object.lineage().begin(), object.fileName().endsWith(".partial") ? " partial" : "", spell(extent));
            case Place.History(var lineage) -> "history %s@%s".formatted(lineage.timeline(), lineage.begin());
        };
    }

    private static String spell(Place.Extent extent) {
        return extent.bytes().isEmpty() ? "" : "[%X%s]".formatted(extent.bytes().getAsInt(), extent.padded() ? "+0" : "");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        // A whole segment of each timeline, and what of it is not held.
        "1/01F         | standby | -           | own > absent",
        "1/01E         | standby | -           | absent",
        "2/04F         | standby | -           | own > absent",
        "3/050         | standby | -           | own > absent",
        "3/060         | standby | -           | absent",
        // The fork's segment: the new timeline's is whole; the old one's ends at the fork, and past it is the orphan's.
        "2/030         | standby | -           | own > absent",
        "1/030         | standby | -           | absent",
        "1/030         | pitr    | -           | absent",
        "1/031         | standby | -           | 409 0/3080000 1@0/0",
        "1/031         | pitr    | -           | 409 0/3080000 1@0/0",
        // Switch points at a boundary: 050 is timeline 3's first, and timeline 2's last is 04F.
        "2/050         | standby | -           | 409 0/5000000 2@0/3080000,2@0/2080000",
        "3/04F         | standby | -           | absent",
        "2/02F         | standby | -           | absent",
        // The end.
        "3/070         | standby | -           | not yet",
        "3/071         | pitr    | -           | not yet",
        // A gap.
        "2/04E         | pitr    | -           | absent",
        "2/04E.partial | pitr    | -           | own[10000] > absent",
        // Parts.
        "3/070.partial | standby | -           | own[40000] > absent",
        "1/030.partial | pitr    | -           | own[80000] > orphan 1[80000] > absent",
        "2/030.partial | pitr    | -           | absent",
        "3/071.partial | pitr    | -           | absent",
        // Histories.
        "1.history     | standby | -           | absent",
        "2.history     | standby | -           | history 2@0/3080000 > absent",
        "3.history     | standby | -           | history 3@0/5000000 > absent",
        "4.history     | standby | -           | absent",
        "4.history     | pitr    | -           | absent",
        // A timeline that the relay does not know.
        "4/071         | standby | -           | 409 ?",
        "4/071         | rewind  | -           | absent",
        // Backup labels are in the archive only.
        "1/01F.backup  | standby | -           | absent",
        // Without an archive the relay knows all lineages that there are.
        "1/030         | rewind  | -           | orphan 1 > absent",
        "1/031.partial | rewind  | -           | orphan 1[80000] > absent",
        "2/020.partial | rewind  | -           | 409 ? 2@0/3080000,2@0/2080000",
        "2/020.partial | rewind  | 2@0/2080000 | orphan 2[A0000] > absent",
        "2/020.partial | standby | 2@0/2080000 | 409 0/2080000 2@0/3080000,2@0/2080000",
        "2.history     | standby | 2@0/2080000 | absent",
        "2.history     | pitr    | 2@0/2080000 | history 2@0/2080000 > absent",
        "2.history     | rewind  | -           | 409 ? 2@0/3080000,2@0/2080000",
        "3.history     | rewind  | -           | history 3@0/5000000 > absent",
    })
    void withoutAnArchive(String file, String mode, String selector, String expected) {
        WalQuery query = query(file, mode, selector, false);
        assertEquals(expected, spell(WalLookup.decide(query, view(query.name(), new Archived.None()))));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "1/01E         | standby | -                    | archive 1@0/0 > absent",
        "1/01F         | standby | -                    | own > archive 1@0/0 > absent",
        "2/04E         | standby | -                    | archive 2@0/3080000 > absent",
        "1/030         | standby | -                    | absent",
        // What others have put past our end may be an orphan's.
        "3/071         | standby | -                    | not yet",
        "3/071         | pitr    | -                    | archive 3@0/5000000 > not yet",
        "3/070.partial | standby | -                    | own[40000] > absent",
        "3/071.partial | pitr    | -                    | archive 3@0/5000000 partial > absent",
        "1/01F.backup  | standby | -                    | archive 1@0/0 > absent",
        "1/030.backup  | standby | -                    | 409 0/3080000 1@0/0",
        "1/031.backup  | pitr    | 1                    | archive 1@0/0 > absent",
        // The whole chain of a lineage that is named.
        "1/01F         | pitr    | 1                    | own > archive 1@0/0 > absent",
        "1/030         | pitr    | 1                    | orphan 1 > archive 1@0/0 > absent",
        "1/031         | pitr    | 1                    | archive 1@0/0 > absent",
        "1/031.partial | pitr    | 1                    | orphan 1[80000] > archive 1@0/0 partial > absent",
        "1/020.partial | pitr    | 2@0/2080000          | archive 1@0/0 partial[80000] > absent",
        "1/021         | pitr    | 2@0/2080000          | 409 0/2080000 1@0/0",
        "2/020         | pitr    | 2@0/2080000          | archive 2@0/2080000 > absent",
        "3.history     | pitr    | 2@0/2080000          | absent",
        "3/050         | pitr    | 2@0/2080000          | 409 0/2080000 3@0/5000000",
        "2.history     | pitr    | 4                    | history 2@0/3080000 > absent",
        "4.history     | pitr    | 4                    | archive 4@0/7020000 > history 4@0/7020000 > absent",
        "4/070         | pitr    | 4                    | archive 4@0/7020000 > absent",
        "3/070         | pitr    | 4                    | absent",
        "3/050         | pitr    | 4                    | own > archive 3@0/5000000 > absent",
        "4.history     | pitr    | -                    | absent",
        "4.history     | standby | 4                    | absent",
        "4/070         | standby | 4                    | 409 0/7020000 4@0/7020000",
        "4/070         | rewind  | -                    | archive 4@0/7020000 > absent",
        "3/050         | standby | 3                    | own > archive 3@0/5000000 > absent",
        "1/031         | standby | 1                    | 409 0/3080000 1@0/0",
        // Names that name none, or more than one.
        "2/030         | pitr    | 2                    | 409 ? 2@0/3080000,2@0/2080000",
        "2/030         | pitr    | 2@0/2090000          | 409 ? 2@0/3080000,2@0/2080000",
        "2/030         | pitr    | 7                    | 409 ?",
        "5/071         | rewind  | -                    | absent",
    })
    void withAnArchiveThatKnowsOneMore(String file, String mode, String selector, String expected) {
        WalQuery query = query(file, mode, selector, false);
        assertEquals(expected, spell(WalLookup.decide(query, view(query.name(), new Archived.Has(List.of(ONE, TAKEN_TWICE, TWO, THREE, FOUR))))));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "3/070 | standby | - | not yet",
        "3/070 | pitr    | - | archive 3@0/5000000 > own[40000+0] > archive 3@0/5000000 partial > not yet",
        "3/071 | pitr    | - | archive 3@0/5000000 > archive 3@0/5000000 partial > not yet",
        "1/030 | standby | - | absent",
        "1/030 | pitr    | - | own[80000+0] > orphan 1[80000+0] > archive 1@0/0 partial[80000+0] > archive 1@0/0[80000+0] > absent",
        "1/030 | rewind  | - | orphan 1 > archive 1@0/0 > own[80000+0] > archive 1@0/0 partial > absent",
        "1/031 | pitr    | 1 | archive 1@0/0 > orphan 1[80000+0] > archive 1@0/0 partial > absent",
        // It breaks off at a gap: what comes after is not the end of anything.
        "2/04E | pitr    | - | archive 2@0/3080000 > archive 2@0/3080000 partial > absent",
        "2/04F | pitr    | - | own > archive 2@0/3080000 > archive 2@0/3080000 partial > absent",
    })
    void padded(String file, String mode, String selector, String expected) {
        WalQuery query = query(file, mode, selector, true);
        assertEquals(expected, spell(WalLookup.decide(query, view(query.name(), new Archived.Has(List.of(ONE, TWO, THREE))))));
    }

    /** Nobody waits for a listing of the archive to be sent a segment, but that a number is free is not said without one. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "2/04F     | standby | -           | own > archive 2@0/3080000 > absent",
        "2/04F     | pitr    | 2@0/3080000 | own > archive 2@0/3080000 > absent",
        "2.history | standby | -           | history 2@0/3080000 > absent",
        "4.history | standby | -           | ask",
        "4.history | pitr    | -           | ask",
        "3.history | pitr    | 2@0/3080000 | ask",
        "2/04F     | pitr    | 2           | ask",
        "2/04F     | pitr    | 2@0/4000000 | ask",
        "2/04F     | rewind  | -           | ask",
    })
    void asksWhichLineagesTheArchiveHasOnlyWhereThatMatters(String file, String mode, String selector, String expected) {
        WalQuery query = query(file, mode, selector, false);
        assertEquals(expected, spell(WalLookup.decide(query, view(query.name(), new Archived.NotAsked()))));
    }

    @Test
    void aSegmentThatHasJustBecomeWholeIsOnItsWay() {
        Lsn end = Lsn.parse("0/7100000");
        WalView view = new WalView(THREE, end, SIZE, Optional.of(new Copy(false, end)), List.of(), new Archived.None());
        assertEquals("not yet", spell(WalLookup.decide(query("3/070", "standby", "-", false), view)));
    }

    /** Two lineages of one number that begin at one place: only the whole id tells them apart. */
    @Test
    void theSelectorsThatAreOfferedAreAsLongAsTheyHaveToBe() {
        TimelineHistory other = promoted(promoted(ONE, 2, "0/4000000"), 3, "0/5000000");
        WalView view = new WalView(THREE, WRITTEN, SIZE, Optional.empty(), List.of(new Orphaned(other, Optional.empty())), new Archived.None());
        Answer answer = WalLookup.decide(query("3/050", "pitr", "3@0/5000000", false), view);
        assertEquals("409 ? %s,%s".formatted(THREE.id(), other.id()), spell(answer));
        assertEquals("absent", spell(WalLookup.decide(query("3/050", "pitr", other.id(), false), view)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "0", "-1", "2@", "2@0", "2@0/3002830-", "2@0/3002830-5F1C22AA", "2@0/3002830-5f1c22aa/", "4294967296", "٢"})
    void refusesWhatNamesNoLineage(String text) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> LineageSelector.parse(text));
        assertTrue(String.valueOf(e.getMessage()).contains("expected"), e.getMessage());
    }
}
