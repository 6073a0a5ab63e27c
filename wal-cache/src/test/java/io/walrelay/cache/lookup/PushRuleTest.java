package io.walrelay.cache.lookup;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.cache.lookup.PushRule.Verdict;
import io.walrelay.cache.lookup.WalView.Archived;
import io.walrelay.cache.lookup.WalView.Copy;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Segments of 1 MB: segment 030 is 0/3000000 to 0/3100000.
 *
 * <pre>
 *   1  ═══════════╤      left at 0/3080000
 *   3             └═══   0/4040000 written
 * </pre>
 */
class PushRuleTest {

    private static final SegmentSize SIZE = new SegmentSize(1 << 20);
    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));
    private static final TimelineHistory THREE = ONE.promoted(new TimelineId(3), Lsn.parse("0/3080000"), "because");

    /** @param copy where the relay's own file of the segment ends; {@code -} when it has none */
    private static WalView view(String copy, long segment, boolean archive) {
        Lsn end = SIZE.start(segment).plus(SIZE.bytes());
        Optional<Copy> held = copy.equals("-") ? Optional.empty() : copy.equals("whole") ? Optional.of(new Copy(true, end)) : Optional.of(new Copy(false, Lsn.parse(copy)));
        return new WalView(THREE, Lsn.parse("0/4040000"), SIZE, held, List.of(), archive ? new Archived.NotAsked() : new Archived.None());
    }

    private static String spell(Verdict verdict) {
        return switch (verdict) {
            case Verdict.Compare(_, var name, var bytes) -> "compare %X with %s".formatted(bytes, name.lineage().timeline());
            case Verdict.Store(var name, var bytes) -> "store %X as %s@%s".formatted(bytes, name.lineage().timeline(), name.lineage().begin());
            case Verdict.ReadFirst() -> "read";
            case Verdict.Known() -> "known";
            case Verdict.Later _ -> "later";
            case Verdict.NotOnHistory(_, var fork) -> "409 " + fork.map(Lsn::toString).orElse("?");
        };
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        // timeline, segment, suffix, our copy, with an archive, without one
        "1 | 020 | ''              | whole     | compare 100000 with 1    | compare 100000 with 1",
        "1 | 020 | ''              | -         | store 100000 as 1@0/0    | later",
        "1 | 020 | .partial        | -         | 409 0/3080000            | 409 0/3080000",
        "1 | 030 | ''              | 0/3080000 | 409 0/3080000            | 409 0/3080000",
        "1 | 030 | .partial        | 0/3080000 | compare 80000 with 1     | compare 80000 with 1",
        "1 | 030 | .partial        | 0/3040000 | store 80000 as 1@0/0     | later",
        "1 | 030 | .partial        | -         | store 80000 as 1@0/0     | later",
        "1 | 031 | ''              | -         | 409 0/3080000            | 409 0/3080000",
        "1 | 031 | .partial        | -         | 409 0/3080000            | 409 0/3080000",
        "1 | 020 | .00000028.backup | -        | store 0 as 1@0/0         | later",
        "1 | 031 | .00000028.backup | -        | 409 0/3080000            | 409 0/3080000",
        "3 | 02F | ''              | -         | 409 ?                    | 409 ?",
        "3 | 030 | ''              | whole     | compare 100000 with 3    | compare 100000 with 3",
        "3 | 030 | ''              | -         | store 100000 as 3@0/3080000 | later",
        "3 | 03F | ''              | 0/4000000 | later                    | later",
        "3 | 040 | ''              | 0/4040000 | later                    | later",
        "3 | 040 | .partial        | 0/4040000 | later                    | later",
        "3 | 041 | ''              | -         | later                    | later",
        "3 | 041 | .00000028.backup | -        | later                    | later",
        "4 | 040 | ''              | -         | later                    | later",
        "2 | 030 | ''              | -         | 409 ?                    | 409 ?",
    })
    void segmentsAndWhatBelongsToThem(int timeline, String segment, String suffix, String copy, String withArchive, String without) {
        long number = Long.parseLong(segment, 16);
        WalFileName name = WalFileName.require("%08X%016X%s".formatted(timeline, number, suffix), SIZE);
        assertEquals(withArchive, spell(PushRule.decide(name, view(copy, number, true))));
        assertEquals(without, spell(PushRule.decide(name, view(copy, number, false))));
    }

    @Test
    void aHistorySaysItselfWhatItIsOf() {
        assertEquals("read", spell(PushRule.decide(WalFileName.require("00000003.history", SIZE), view("-", 0, true))));
        TimelineHistory another = ONE.promoted(new TimelineId(3), Lsn.parse("0/2080000"), "because");
        assertEquals("store 0 as 3@0/3080000", spell(PushRule.history(THREE, view("-", 0, true))));
        assertEquals("store 0 as 3@0/2080000", spell(PushRule.history(another, view("-", 0, true))));
        assertEquals("known", spell(PushRule.history(THREE, view("-", 0, false))));
        assertEquals("later", spell(PushRule.history(another, view("-", 0, false))));
    }
}
