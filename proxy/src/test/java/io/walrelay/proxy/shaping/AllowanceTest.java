package io.walrelay.proxy.shaping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AllowanceTest {

    private static final Instant DUE = Instant.parse("2026-01-02T03:04:05Z");

    private static Optional<Lsn> lsn(String hex) {
        return hex.equals("-") ? Optional.empty() : Optional.of(new Lsn(Long.parseLong(hex, 16)));
    }

    /** Positions and tokens in hexadecimal; {@code -}: there is no such thing. A page is 2000. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        // sent | limit | paused | released | horizon | tokens || upTo | why
        "10000 | 20000 | no  | -     | -     | -     | 20000 | -", // nothing holds
        "10000 | 10000 | yes | -     | 10000 | 0     | 10000 | -", // all was sent
        "10000 | 20000 | yes | -     | -     | -     | 10000 | paused",
        "10000 | 20000 | yes | 18008 | -     | -     | 18008 | paused", // released in spite of it
        "10000 | 20000 | yes | 08000 | -     | -     | 10000 | paused", // released long ago
        "10000 | 20000 | yes | 20000 | -     | -     | 20000 | -",
        "10000 | 20000 | yes | 30000 | 1F000 | -     | 20000 | -",
        "10000 | 20000 | yes | -     | 1F000 | -     | 10000 | paused", // old enough, and paused
        "10000 | 20000 | no  | -     | 18010 | -     | 18010 | delayed",
        "10000 | 20000 | no  | 1A000 | 18010 | -     | 1A000 | delayed",
        "10000 | 20000 | no  | 17000 | 18010 | -     | 18010 | delayed",
        "10000 | 20000 | no  | -     | 20000 | -     | 20000 | -",
        "10000 | 20000 | no  | -     | 28000 | -     | 20000 | -", // it has read more by now
        "10000 | 20000 | no  | -     | 0F000 | -     | 10000 | delayed", // it asked for more than it may have
        "10000 | 20000 | no  | -     | -     | 10000 | 20000 | -", // just enough
        "10000 | 20000 | no  | -     | -     | 0FFFF | 1E000 | limited", // to the end of a page
        "10010 | 20000 | no  | -     | -     | 02000 | 12000 | limited",
        "10010 | 20000 | no  | -     | -     | 01000 | 10010 | limited", // not a page
        "10010 | 20000 | no  | -     | -     | 0     | 10010 | limited",
        "10000 | 20000 | no  | -     | 18010 | 04001 | 14000 | limited", // the lesser of two
        "10000 | 20000 | no  | -     | 12010 | 04000 | 12010 | delayed",
        "10000 | 20000 | yes | 18008 | -     | 04001 | 14000 | limited",
        "20000 | 10000 | no  | -     | 30000 | 10000 | 10000 | -", // what both timelines share comes again
        "20000 | 10000 | yes | -     | -     | -     | 10000 | -",
    })
    void decides(String sent, String limit, String paused, String released, String horizon, String tokens, String upTo, String why) {
        Allowance allowance = Allowance.decide(new Allowance.Snapshot(
                lsn(sent).orElseThrow(),
                lsn(limit).orElseThrow(),
                paused.equals("yes"),
                lsn(released),
                lsn(horizon).map(end -> new Allowance.Horizon(end, Hold.delayed(Optional.of(DUE)))),
                tokens.equals("-") ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(tokens, 16))));
        assertEquals(lsn(upTo).orElseThrow(), allowance.upTo());
        assertEquals(why, allowance.hold().map(hold -> hold.why().toString()).orElse("-"));
    }

    @Test
    void aDebtAllowsNothing() {
        var now = new Allowance.Snapshot(new Lsn(0x10000), new Lsn(0x20000), false, Optional.empty(), Optional.empty(), OptionalLong.of(-5));
        assertEquals(new Allowance(new Lsn(0x10000), Optional.of(Hold.LIMITED)), Allowance.decide(now));
    }

    @Test
    void aDelaySaysUntilWhen() {
        var horizon = new Allowance.Horizon(new Lsn(0x18000), Hold.delayed(Optional.of(DUE)));
        var now = new Allowance.Snapshot(new Lsn(0x10000), new Lsn(0x20000), false, Optional.empty(), Optional.of(horizon), OptionalLong.empty());
        assertEquals("delayed until 2026-01-02T03:04:05Z", Allowance.decide(now).hold().orElseThrow().toString());
    }

    /** Whatever holds: nothing goes that one of the three forbids, nothing is held back that none of them holds, and more never gives less. */
    @Test
    void neverAllowsWhatAnythingForbids() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 200_000; i++) {
            Lsn sent = new Lsn(0x10000 + random.nextInt(0x8000));
            Lsn limit = sent.plus(random.nextInt(0x8000));
            boolean paused = random.nextInt(3) == 0;
            Optional<Lsn> released = random.nextInt(3) == 0 ? Optional.of(new Lsn(0x10000 + random.nextInt(0x10000))) : Optional.empty();
            Optional<Lsn> horizon = random.nextInt(2) == 0 ? Optional.of(new Lsn(0x10000 + random.nextInt(0x10000))) : Optional.empty();
            OptionalLong tokens = random.nextInt(2) == 0 ? OptionalLong.of(random.nextInt(0x8000) - 0x1000) : OptionalLong.empty();
            var now = new Allowance.Snapshot(sent, limit, paused, released, horizon.map(end -> new Allowance.Horizon(end, Hold.delayed(Optional.empty()))), tokens);
            Allowance allowance = Allowance.decide(now);
            String what = "seed %d: %s gave %s".formatted(seed, now, allowance);
            assertTrue(allowance.upTo().isAtLeast(sent) && allowance.upTo().isAtMost(limit), what);
            assertEquals(allowance.upTo().isBefore(limit), allowance.hold().isPresent(), what);
            for (long at = sent.value() + 1; at <= allowance.upTo().value(); at += 97) {
                boolean isReleased = released.isPresent() && at <= released.get().value();
                assertTrue(isReleased || !paused, what);
                assertTrue(isReleased || paused || horizon.isEmpty() || at <= horizon.get().value(), what);
            }
            assertTrue(tokens.isEmpty() || allowance.upTo().minus(sent) <= Math.max(tokens.getAsLong(), 0), what);
            if (tokens.isPresent()) {
                var richer = new Allowance.Snapshot(sent, limit, paused, released, now.horizon(), OptionalLong.of(tokens.getAsLong() + random.nextInt(0x2000)));
                assertTrue(Allowance.decide(richer).upTo().isAtLeast(allowance.upTo()), what);
            }
        }
    }
}
