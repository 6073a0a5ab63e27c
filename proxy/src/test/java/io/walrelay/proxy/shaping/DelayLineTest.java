package io.walrelay.proxy.shaping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.WalCache;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DelayLineTest {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final Instant NOON = Instant.parse("2026-01-02T12:00:00Z");
    private static final Duration HOUR = Duration.ofHours(1);

    @TempDir
    private Path data;

    private final SettableClock clock = new SettableClock(NOON);
    private volatile Word word = Word.NOTHING;

    private DelayLine line(WalCache cache, Lsn start) {
        DelayLine line = new DelayLine(cache, start, new Delay(HOUR, clock), () -> word);
        line.start();
        return line;
    }

    private static void awaitHorizon(DelayLine line, Lsn end, Optional<Instant> until) {
        Await.until("the horizon to be %s until %s".formatted(end, until), LIMIT, line::horizon, h -> h.end().equals(end) && h.hold().until().equals(until));
    }

    /** <pre> 11:00 │ records │ 11:30 │ records │ 11:59 </pre> */
    @Test
    void stopsBeforeTheFirstTransactionThatIsTooYoung() throws Exception {
        WalCraft wal = Commits.craft(1).randomRecords(50, 9_000);
        Commits.commit(wal, NOON.minus(HOUR));
        Lsn half = Commits.commit(wal.randomRecords(6_000, 8_000), NOON.minus(Duration.ofMinutes(30)));
        Lsn last = Commits.commit(wal.randomRecords(20, 3_000), NOON.minus(Duration.ofMinutes(1)));
        assertTrue(half.minus(Commits.START) > 2 << 20, "several segments, not all in memory");
        Lsn end = wal.end();
        try (WalCache cache = Commits.cache(data, wal);
                DelayLine line = line(cache, Commits.START)) {
            awaitHorizon(line, wal.lastRecordEndAt(half), Optional.of(NOON.plus(Duration.ofMinutes(30))));
            clock.advance(Duration.ofMinutes(31));
            awaitHorizon(line, wal.lastRecordEndAt(last), Optional.of(NOON.plus(Duration.ofMinutes(59))));
            word = word.release(new Word.Release(new TimelineId(1), end, 1));
            awaitHorizon(line, end, Optional.empty());
            // What comes after is held again, and what ends no transaction is not.
            wal.randomRecords(5, 300);
            Lsn next = Commits.commit(wal, clock.instant());
            Commits.receive(cache, wal, wal.end());
            awaitHorizon(line, wal.lastRecordEndAt(next), Optional.of(clock.instant().plus(HOUR)));
        }
    }

    /**
     * <pre>
     *   1 ── old ── fork ── young (orphan)
     *                └ 2 ── young
     * </pre>
     */
    @Test
    void judgesAnewOnAnotherHistory() throws Exception {
        WalCraft wal = Commits.craft(2).randomRecords(40, 900);
        Lsn fork = wal.recordEnds().get(29);
        Commits.commit(wal, NOON.minus(HOUR));
        WalCraft two = wal.promoted(new TimelineId(2), fork).randomRecords(3, 100);
        Lsn young = Commits.commit(two, NOON);
        try (WalCache cache = Commits.cache(data, wal);
                DelayLine line = line(cache, Commits.START)) {
            awaitHorizon(line, wal.end(), Optional.empty());
            word = word.release(new Word.Release(new TimelineId(1), wal.end(), 1));
            cache.follow(two.history(), two.history().format().getBytes(StandardCharsets.UTF_8), Lsn.INVALID);
            Commits.receive(cache, two, two.end());
            // A new stream on timeline 2: what was released past the fork on the other side lets nothing go here.
            try (DelayLine next = line(cache, Commits.START)) {
                awaitHorizon(next, two.lastRecordEndAt(young), Optional.of(NOON.plus(HOUR)));
            }
        }
    }

    /** Commits of random ages in random WAL: the line is always before the first one that is too young, to the byte. */
    @Test
    void isWhereAReadingOfAllWouldBe() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        WalCraft wal = Commits.craft(seed);
        Instant at = NOON.minus(Duration.ofHours(2));
        NavigableMap<Instant, Lsn> commits = new TreeMap<>();
        for (int i = 0; i < 200; i++) {
            wal.randomRecords(random.nextInt(20), 4_000);
            at = at.plusMillis(1 + random.nextInt(60_000));
            commits.put(at, Commits.commit(wal, at));
        }
        try (WalCache cache = Commits.cache(data, wal);
                DelayLine line = line(cache, Commits.START)) {
            for (int i = 0; i < 8; i++) {
                Map.Entry<Instant, Lsn> young = commits.higherEntry(clock.instant().minus(HOUR));
                Lsn expected = young == null ? wal.end() : wal.lastRecordEndAt(young.getValue());
                Await.until("seed %d: %s".formatted(seed, expected), LIMIT, () -> line.horizon().end(), expected::equals);
                clock.advance(Duration.ofSeconds(random.nextInt(1_200)));
            }
        }
    }

    private void remove(String segment) throws IOException {
        try (Stream<Path> files = Files.walk(data)) {
            Files.delete(files.filter(path -> String.valueOf(path.getFileName()).equals(segment)).findFirst().orElseThrow());
        }
    }

    /** Else the stream would stand there for ever, and nobody would tell it that what it wants is removed. */
    @Test
    void goesOnWhereTheBeginningOfItsSegmentIsGone() throws Exception {
        WalCraft wal = Commits.craft(5).record(3 * Commits.SEGMENT.bytes()).randomRecords(10, 500);
        Lsn start = Commits.START.plus(Commits.SEGMENT.bytes() * 3L / 2);
        try (WalCache cache = Commits.cache(data, wal)) {
            remove("000000010000000000000011");
            try (DelayLine line = line(cache, start)) {
                Await.until("the horizon to be past " + start, LIMIT, () -> line.horizon().end(), start::isBefore);
            }
        }
    }

    @Test
    void aFaultDoesNotEndIt() throws Exception {
        WalCraft wal = Commits.craft(6).randomRecords(10, 500);
        Lsn young = Commits.commit(wal, NOON);
        AtomicInteger asked = new AtomicInteger();
        Supplier<Word> faulty = () -> {
            if (asked.getAndIncrement() == 0) {
                throw new IllegalStateException("a fault");
            }
            return Word.NOTHING;
        };
        try (WalCache cache = Commits.cache(data, wal);
                DelayLine line = new DelayLine(cache, Commits.START, new Delay(HOUR, clock), faulty)) {
            line.start();
            awaitHorizon(line, wal.lastRecordEndAt(young), Optional.of(NOON.plus(HOUR)));
            assertTrue(asked.get() > 1, "asked again");
        }
    }
}
