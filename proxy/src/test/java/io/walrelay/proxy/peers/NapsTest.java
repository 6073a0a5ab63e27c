package io.walrelay.proxy.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class NapsTest {

    @Test
    void questionsBecomeRareWhileNothingMoves() {
        List<Long> rests = Stream.iterate(Naps.SHORT, naps -> naps.after(false)).limit(10).map(naps -> naps.next().toMillis()).toList();
        assertEquals(List.of(200L, 400L, 800L, 1_600L, 3_200L, 6_400L, 12_800L, 25_600L, 30_000L, 30_000L), rests);
        assertEquals(Duration.ofMillis(200), new Naps(Duration.ofSeconds(30)).after(true).next());
    }
}
