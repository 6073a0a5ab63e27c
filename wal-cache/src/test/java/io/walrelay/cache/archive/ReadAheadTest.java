package io.walrelay.cache.archive;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class ReadAheadTest {

    private final ReadAhead ahead = new ReadAhead(8);

    private List<List<Long>> asked(long... segments) {
        List<List<Long>> all = new ArrayList<>();
        for (long segment : segments) {
            all.add(ahead.asked(segment));
        }
        return all;
    }

    @Test
    void opensTheWindowOfOneWhoReadsOnAndFetchesNothingTwice() {
        assertEquals(
                List.of(List.of(), List.of(12L), List.of(13L, 14L), List.of(15L, 16L, 17L), List.of(18L, 19L, 20L, 21L, 22L), List.of(23L)),
                asked(10, 11, 12, 13, 14, 15));
    }

    @Test
    void doesNothingForOneWhoReadsBackwardsOrOnceOrHereAndThere() {
        assertEquals(List.of(List.of(), List.of(), List.of(), List.of()), asked(10, 8, 6, 4));
        assertEquals(List.of(List.of(), List.of(), List.of()), asked(100, 300, 200));
    }

    @Test
    void aSegmentThatIsAskedForAgainMovesNothing() {
        assertEquals(List.of(List.of(), List.of(12L), List.of(), List.of()), asked(10, 11, 11, 11));
    }

    @Test
    void readersAreToldApart() {
        assertEquals(
                List.of(List.of(), List.of(), List.of(12L), List.of(502L), List.of(13L, 14L), List.of(503L, 504L)),
                asked(10, 500, 11, 501, 12, 502));
    }

    @Test
    void oneThatSkipsWithinItsWindowGoesOn() {
        assertEquals(List.of(List.of(), List.of(12L), List.of(13L, 14L), List.of(15L, 16L, 17L, 18L)), asked(10, 11, 12, 14));
    }

    @Test
    void manyReadersForgetTheOneThatWasSilentForTheLongest() {
        LongStream.range(0, 100).forEach(reader -> ahead.asked(reader * 1_000));
        assertEquals(List.of(), ahead.asked(1), "forgotten, and begun anew");
        assertEquals(List.of(99_002L), ahead.asked(99_001));
    }

    @Test
    void aWidthOfNoneFetchesNone() {
        ReadAhead none = new ReadAhead(0);
        none.asked(1);
        assertEquals(List.of(), none.asked(2));
    }
}
