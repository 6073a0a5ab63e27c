package io.walrelay.proxy.shaping;

import io.walrelay.cache.HeldRecords;
import io.walrelay.cache.WalCache;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What holds one file back from a standby that asks for it, if anything does. It may be asked again while the standby waits, and goes on then where
 * it was: each record of a delayed standby's segment is read once. Confined to the request's thread, waits for the disk and the archive; closed by it.
 */
public final class FileShape implements AutoCloseable {

    /**
     * @param whole whether all records that begin in it must be there to be looked at
     */
    private record Segment(SegmentId id, boolean whole) {}

    private final WalCache cache;
    private final Optional<Segment> segment;
    private final Supplier<Word> word;
    private final Optional<Delay> delay;
    private @Nullable HeldRecords records;
    /** What was said when the reading began: what one word lets go another may not. */
    private Word said = Word.NOTHING;
    /** Whether {@code records} is on one that was not let go. */
    private boolean standing;

    FileShape(WalCache cache, WalFileName file, Supplier<Word> word, Optional<Delay> delay) {
        this.cache = cache;
        this.segment = switch (file) {
            case WalFileName.Segment(var id) -> Optional.of(new Segment(id, true));
            case WalFileName.Partial(var id) -> Optional.of(new Segment(id, false));
            // They have no WAL in them.
            case WalFileName.History _, WalFileName.Backup _ -> Optional.empty();
        };
        this.word = word;
        this.delay = delay;
    }

    /**
     * Whether the standby may not have it yet.
     *
     * @throws IOException when that can't be told now
     */
    public Optional<Hold> hold() throws IOException {
        if (segment.isEmpty()) {
            return Optional.empty();
        }
        Word now = word.get();
        if (!now.equals(said)) {
            close();
            said = now;
        }
        if (now.paused()) {
            Lsn end = segment.get().id().end(cache.segmentSize());
            Optional<Lsn> released = now.releasedOn(cache.end().lineage());
            return released.filter(end::isAtMost).isPresent() ? Optional.empty() : Optional.of(Hold.PAUSED);
        }
        return delay.isPresent() ? tooYoung(segment.get(), delay.get()) : Optional.empty();
    }

    private Optional<Hold> tooYoung(Segment asked, Delay by) throws IOException {
        HeldRecords reading = records;
        if (reading == null || !reading.isOfTheRelay()) {
            close();
            reading = cache.records(asked.id().start(cache.segmentSize()));
            records = reading;
        }
        try {
            return read(reading, asked, by);
        } catch (HeldRecords.GoneException e) {
            close();
            return Optional.empty(); // Whoever looks for the file says so.
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    /** Up to the first of those that begin in the segment that is too young. */
    private Optional<Hold> read(HeldRecords reading, Segment asked, Delay by) throws IOException {
        Lsn end = asked.id().end(cache.segmentSize());
        if (!reading.lineage().contains(asked.id().timeline())) {
            return Optional.empty(); // Another history's, which nobody streams: for who asks for that by name.
        }
        Lsn released = said.releasedOn(reading.lineage()).orElse(Lsn.INVALID);
        Optional<Instant> due = Optional.empty();
        standing = standing || reading.next();
        while (standing && reading.reader().recordStart().isBefore(end)) {
            boolean mayGo = reading.reader().lastRecordEnd().isAtMost(released);
            due = mayGo ? Optional.empty() : by.due(reading.reader());
            if (due.isPresent()) {
                break; // What comes after it, if it can be read at all, changes nothing.
            }
            standing = reading.next();
        }
        if (!reading.isOfTheRelay()) {
            throw new IOException("the relay's timeline is changing; expected to answer after that");
        }
        boolean unseen = !standing && asked.whole() && reading.reader().lastRecordEnd().isBefore(end);
        return due.isPresent() || unseen ? Optional.of(Hold.delayed(due)) : Optional.empty();
    }

    @Override
    public void close() {
        HeldRecords open = records;
        records = null;
        standing = false;
        if (open != null) {
            open.close();
        }
    }
}
