package io.walrelay.cache;

import io.walrelay.cache.background.BackgroundThread;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the log record by record as it comes, off the path of the stream: page headers, the chain of prev links and the checksum of every record.
 * What it has not verified is not archived.
 *
 * <pre>
 *   …verified………│ flaw? ─▶ what upstream has of it ─┬─ other bytes, and good ─▶ ours are mended, go on there
 *                                                    └─ the same             ─▶ upstream's own damage: told, go on with the next segment
 * </pre>
 *
 * <p>One thread of its own; {@link #verified} may be asked by any.
 */
public final class WalVerifier implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(WalVerifier.class);

    /** WAL is read in pieces of this time: a commit's record need not be checked at once, and each look costs a wake-up. */
    private static final Duration LOOK = Duration.ofMillis(100);

    private static final Duration RETRY = Duration.ofSeconds(10);

    /** Damage that has been found. {@code at}: where the record starts, or the page, that is none. */
    public record Damage(TimelineHistory lineage, Lsn at, WalEnd.Flaw flaw) {

        @Override
        public String toString() {
            return "timeline %s: %s".formatted(lineage.timelineAt(at), flaw.message());
        }
    }

    /**
     * How far all is verified, on which history.
     *
     * @param from where reading began, the last time that it did not go on where it had been
     */
    public record Verified(TimelineHistory lineage, Lsn from, Lsn upTo) {

        /** Reading begins at the beginning of a segment. */
        static Verified beginning(TimelineHistory lineage, Lsn from) {
            return new Verified(lineage, from, from);
        }

        Verified upTo(Lsn end) {
            return new Verified(lineage, Lsn.min(from, end), end);
        }

        /** What of it holds on another history. Where they part before all that was read, reading begins anew. */
        Verified on(TimelineHistory other, SegmentSize size) {
            Lsn shared = other.forkWith(lineage).map(fork -> Lsn.min(fork, upTo)).orElse(upTo);
            return shared.isBefore(from) ? beginning(other, size.startOf(shared)) : new Verified(other, from, shared);
        }
    }

    /** What is done about damage. Called on the verifier's thread, which may wait. */
    public interface Remedy {

        /** Damage was found; called once for each. */
        void found(Damage damage);

        /**
         * Asks upstream for a segment again, and mends ours where it differs.
         *
         * @param from the beginning of a segment that the damaged record has a part of
         * @param end where that ends, or WAL does
         * @throws IOException when upstream can't be asked now; asked again later
         */
        Again fetchAgain(Damage damage, Lsn from, Lsn end) throws IOException, InterruptedException;

        /** Reads on that history. Called with each look. */
        default void follows(TimelineHistory lineage) {}

        /** All that {@code read} spans has been read, up to the end of WAL or a gap. Called after each look that found no damage. */
        default void verified(Verified read) {}

        /**
         * Nothing more can be done.
         *
         * @param why what upstream has of it: the same, or nothing any more
         */
        void lasting(Damage damage, Again why);
    }

    /** What came of asking upstream for WAL again. */
    public enum Again {
        /** It has other bytes, which are ours now: the damage may be gone. */
        MENDED,
        SAME,
        /** It has removed that WAL. */
        GONE
    }

    private final WalCache cache;
    private final SegmentSize size;
    private final Remedy remedy;
    private final HotStandbyWatch watch;
    private final SegmentIndexing indexing;
    private final BackgroundThread thread;
    private final Map<SegmentId, Damage> damaged = new ConcurrentHashMap<>();
    private volatile Verified verified;

    /* Confined to the thread. */
    private WalReader reader;
    private Lsn limit = Lsn.INVALID;
    private @Nullable Damage damage;
    /** How far the damaged record goes, as far as it could be followed. */
    private Lsn damagedTo = Lsn.INVALID;

    /** @param from the beginning of a segment: what lies before is taken for verified */
    WalVerifier(WalCache cache, Lsn from, Remedy remedy) {
        this.cache = cache;
        this.size = cache.segmentSize();
        this.remedy = remedy;
        this.watch = cache.hotStandby();
        TimelineHistory lineage = cache.end().lineage();
        this.watch.follow(lineage);
        cache.byManager().follow(lineage);
        this.indexing = new SegmentIndexing(cache.changeIndex(), size, cache.byManager(), lineage);
        this.verified = Verified.beginning(lineage, from);
        this.reader = open(verified);
        this.thread = new BackgroundThread("wal-verifier", this::run);
    }

    public void start() {
        thread.start();
    }

    public Verified verified() {
        return verified;
    }

    /** How much of {@code lineage} is verified. */
    public Lsn verifiedOn(TimelineHistory lineage) {
        Verified now = verified;
        return lineage.forkWith(now.lineage).map(fork -> Lsn.min(fork, now.upTo)).orElse(now.upTo);
    }

    /** Whether a segment of the history that is verified now has damage that lasts. */
    public boolean isDamaged(SegmentId id) {
        return damaged.containsKey(id);
    }

    /** What is wrong with such a segment. */
    public Optional<Damage> damage(SegmentId id) {
        return Optional.ofNullable(damaged.get(id));
    }

    private void run() throws InterruptedException {
        while (!thread.isClosed()) {
            Damage found = damage;
            if (found != null) {
                treat(found);
            } else if (readOn() && damage == null) {
                thread.rest(LOOK);
            }
        }
    }

    /** Reads what there is. Returns whether that was all. */
    private boolean readOn() {
        try {
            EndOfWal end = cache.end();
            place(end);
            remedy.follows(verified.lineage);
            // Not all at once: whoever asks is told how far it is, and a change of timeline is noticed.
            long stop = System.nanoTime() + LOOK.toNanos();
            while (reader.next()) {
                cache.nextXid().saw(reader);
                watch.look(reader);
                indexing.saw(reader);
                verified = verified.upTo(reader.lastRecordEnd());
                if (System.nanoTime() - stop > 0) {
                    return false;
                }
            }
            switch (reader.end().orElseThrow()) {
                case WalEnd.NoMoreBytes _, WalEnd.UnfinishedRecord _ -> {
                    remedy.verified(verified);
                    if (limit.isBefore(end.written())) {
                        restart(Verified.beginning(verified.lineage, cache.afterGap(limit)));
                    } else {
                        reader.again();
                    }
                }
                case WalEnd.Flaw flaw when stillThere(end) -> {
                    damage = new Damage(verified.lineage, flaw.at(), flaw);
                    damagedTo = Lsn.max(reader.continuedTo(), flaw.at().plus(1));
                    remedy.found(damage);
                }
                case WalEnd.Flaw _ -> restart(verified);
            }
        } catch (IOException e) {
            log.warn("WAL can't be verified now: {}", e.getMessage());
        }
        return true;
    }

    /** What was read while files changed places may have been anything. */
    private boolean stillThere(EndOfWal then) {
        return !cache.isChangingTimeline() && cache.end().lineage().equals(then.lineage());
    }

    /** Where reading goes on, and how far it may: another timeline, a gap, or what retention freed may be in the way. */
    private void place(EndOfWal end) {
        Verified now = verified;
        if (!end.lineage().equals(now.lineage)) {
            damaged.keySet().removeIf(id -> !end.lineage().reaches(now.lineage, id.end(size)));
            cache.nextXid().forget();
            restart(now.on(end.lineage(), size));
            watch.follow(end.lineage());
            cache.byManager().follow(end.lineage());
        }
        if (verified.upTo.isBefore(cache.oldest()) && cache.files().locate(end.lineage(), verified.upTo).isEmpty()) {
            // Freed, or never got: the oldest is where a gap ends, if there is one.
            restart(Verified.beginning(end.lineage(), cache.oldest()));
        }
        limit = cache.gapAfter(verified.upTo, end.written());
    }

    private void restart(Verified so) {
        if (so.upTo.isAfter(verified.upTo)) {
            watch.skip();
        }
        verified = so;
        reader = open(so);
        indexing.begin(so.lineage);
    }

    private WalReader open(Verified so) {
        HeldLog held = HeldLog.whole(cache.files(), so.lineage);
        return WalReader.open((at, into) -> held.upTo(limit).read(at, into), new WalIdentity(cache.system(), size, so.lineage), size.startOf(so.upTo));
    }

    private void treat(Damage found) throws InterruptedException {
        try {
            Again again = fetchAgain(found);
            if (again == Again.MENDED) {
                restart(verified.upTo(Lsn.min(verified.upTo, size.startOf(found.at))));
            } else {
                for (Lsn at = size.startOf(found.at); at.isBefore(damagedTo); at = size.endOf(at)) {
                    damaged.put(new SegmentId(found.lineage.timelineAt(size.endOf(at).plus(-1)), size.segmentNumber(at)), found);
                }
                remedy.lasting(found, again);
                restart(Verified.beginning(found.lineage, size.endOf(damagedTo.plus(-1))));
            }
            damage = null;
        } catch (IOException e) {
            log.warn("damaged WAL at {} could not be fetched again: {}", found.at, e.getMessage());
            if (!found.lineage.equals(cache.end().lineage()) || found.at.isBefore(cache.oldest())) {
                damage = null; // It is no longer ours.
            } else {
                thread.rest(RETRY);
            }
        }
    }

    /** A record may go on in further segments, and what is wrong be there. */
    private Again fetchAgain(Damage found) throws IOException, InterruptedException {
        Again all = Again.SAME;
        for (Lsn at = size.startOf(found.at); at.isBefore(damagedTo); at = size.endOf(at)) {
            Again one = remedy.fetchAgain(found, at, Lsn.min(size.endOf(at), limit));
            all = one == Again.MENDED || all == Again.SAME ? one : all;
        }
        return all;
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
