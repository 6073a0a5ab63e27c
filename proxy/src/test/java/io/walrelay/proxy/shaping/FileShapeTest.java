package io.walrelay.proxy.shaping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.WalCache;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Segments that a standby asks for by name, which is an hour behind. */
final class FileShapeTest {

    private static final Instant NOON = Instant.parse("2026-01-02T12:00:00Z");
    private static final Duration HOUR = Duration.ofHours(1);
    private static final int COMMITS = 50;

    @TempDir
    private Path data;

    private final SettableClock clock = new SettableClock(NOON);
    private volatile Word word = Word.NOTHING;
    private int looks;

    /** Asked once for each commit that is looked at. */
    private final Clock counting = new Clock() {
        @Override
        public Instant instant() {
            looks++;
            return clock.instant();
        }

        @Override
        public ZoneId getZone() {
            return clock.getZone();
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return clock.withZone(zone);
        }
    };

    private FileShape shape(WalCache cache, WalFileName file) {
        return new FileShape(cache, file, () -> word, Optional.of(new Delay(HOUR, counting)));
    }

    private Optional<Hold> hold(WalCache cache, SegmentId id, boolean whole, Word now) throws IOException {
        word = now;
        try (FileShape shape = shape(cache, whole ? new WalFileName.Segment(id) : new WalFileName.Partial(id))) {
            return shape.hold();
        }
    }

    private void remove(String segment) throws IOException {
        try (Stream<Path> files = Files.walk(data)) {
            Files.delete(files.filter(path -> String.valueOf(path.getFileName()).equals(segment)).findFirst().orElseThrow());
        }
    }

    /** One commit each minute. Who waits for the segment looks again and again. */
    @Test
    void readsEachRecordOnceHoweverOftenItIsAsked() throws Exception {
        WalCraft wal = Commits.craft(6);
        for (int i = 0; i < COMMITS; i++) {
            Commits.commit(wal.randomRecords(10, 500), NOON.minus(HOUR).plus(Duration.ofMinutes(i)));
        }
        wal.switchSegment().randomRecords(10, 500);
        SegmentId first = SegmentId.at(new TimelineId(1), Commits.START, Commits.SEGMENT);
        try (WalCache cache = Commits.cache(data, wal);
                FileShape shape = shape(cache, new WalFileName.Segment(first))) {
            for (int i = 1; i < COMMITS; i++) {
                Optional<Hold> next = Optional.of(Hold.delayed(Optional.of(NOON.plus(Duration.ofMinutes(i)))));
                assertEquals(next, shape.hold());
                assertEquals(next, shape.hold());
                clock.advance(Duration.ofMinutes(1));
            }
            assertEquals(Optional.empty(), shape.hold());
            assertEquals(Optional.empty(), shape.hold());
            assertTrue(looks <= 3 * COMMITS, () -> "%d looks at %d commits".formatted(looks, COMMITS));
        }
    }

    /** A pause takes back what was released and is not gone yet. */
    @Test
    void beginsAnewWhenSomethingElseIsSaid() throws Exception {
        WalCraft wal = Commits.craft(7);
        Commits.commit(wal.randomRecords(10, 500), NOON);
        Commits.commit(wal.randomRecords(10, 500), NOON.plus(HOUR));
        wal.switchSegment().randomRecords(10, 500);
        SegmentId first = SegmentId.at(new TimelineId(1), Commits.START, Commits.SEGMENT);
        try (WalCache cache = Commits.cache(data, wal);
                FileShape shape = shape(cache, new WalFileName.Segment(first))) {
            Optional<Hold> byTheFirst = Optional.of(Hold.delayed(Optional.of(NOON.plus(HOUR))));
            assertEquals(byTheFirst, shape.hold());
            word = Word.NOTHING.release(new Word.Release(first.timeline(), wal.recordStarts().get(15), 1));
            assertEquals(Optional.of(Hold.delayed(Optional.of(NOON.plus(HOUR).plus(HOUR)))), shape.hold());
            word = word.pause(2);
            assertEquals(Optional.of(Hold.PAUSED), shape.hold());
            word = word.resume();
            assertEquals(byTheFirst, shape.hold());
        }
    }

    @Test
    void aSegmentIsHeldBackByWhatBeginsInIt() throws Exception {
        WalCraft wal = Commits.craft(3);
        Commits.commit(wal.randomRecords(10, 500), NOON.minus(HOUR));
        wal.switchSegment();
        Commits.commit(wal.randomRecords(10, 500), NOON.minus(Duration.ofMinutes(59)));
        wal.switchSegment();
        wal.randomRecords(10, 500).switchSegment().randomRecords(10, 500);
        try (WalCache cache = Commits.cache(data, wal)) {
            SegmentId first = SegmentId.at(new TimelineId(1), Commits.START, Commits.SEGMENT);
            SegmentId second = new SegmentId(first.timeline(), first.number() + 1);
            SegmentId third = new SegmentId(first.timeline(), first.number() + 2);
            SegmentId fourth = new SegmentId(first.timeline(), first.number() + 3);
            Optional<Hold> young = Optional.of(Hold.delayed(Optional.of(NOON.plus(Duration.ofMinutes(1)))));
            assertEquals(Optional.empty(), hold(cache, first, true, Word.NOTHING));
            assertEquals(young, hold(cache, second, true, Word.NOTHING));
            assertEquals(young, hold(cache, second, false, Word.NOTHING));
            assertEquals(Optional.empty(), hold(cache, third, true, Word.NOTHING));
            // Its last record may be one that it must not have.
            assertEquals(Optional.of(Hold.delayed(Optional.empty())), hold(cache, fourth, true, Word.NOTHING));
            assertEquals(Optional.empty(), hold(cache, fourth, false, Word.NOTHING));
            Word released = Word.NOTHING.release(new Word.Release(first.timeline(), third.start(Commits.SEGMENT), 1));
            assertEquals(Optional.empty(), hold(cache, second, true, released));
            // Nobody has it, or it is of another history: whoever looks for it says so.
            assertEquals(Optional.empty(), hold(cache, new SegmentId(first.timeline(), first.number() - 1), true, Word.NOTHING));
            assertEquals(Optional.empty(), hold(cache, new SegmentId(new TimelineId(2), second.number()), true, Word.NOTHING));
            clock.advance(Duration.ofMinutes(1));
            assertEquals(Optional.empty(), hold(cache, second, true, Word.NOTHING));
        }
    }

    /** <pre> first: … │ young commit │ a record that goes on into the second, which nobody has </pre> */
    @Test
    void whatComesAfterATransactionThatIsTooYoungMayBeGone() throws Exception {
        WalCraft wal = Commits.craft(4);
        while (Commits.SEGMENT.offset(wal.end()) < Commits.SEGMENT.bytes() - 8_192) {
            wal.record(500);
        }
        Commits.commit(wal, NOON);
        wal.record(3 * Commits.SEGMENT.bytes()).randomRecords(10, 500);
        try (WalCache cache = Commits.cache(data, wal)) {
            SegmentId first = SegmentId.at(new TimelineId(1), Commits.START, Commits.SEGMENT);
            remove("000000010000000000000011");
            assertEquals(Optional.of(Hold.delayed(Optional.of(NOON.plus(HOUR)))), hold(cache, first, true, Word.NOTHING));
        }
    }
}
