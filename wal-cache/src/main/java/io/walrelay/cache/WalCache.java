package io.walrelay.cache;

import io.walrelay.cache.retention.Retention;
import io.walrelay.cache.slot.Slots;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.CheckpointSearch;
import io.walrelay.wal.format.WalIdentity;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The WAL of one cluster that the relay holds, with what belongs to it: timelines, slots, gaps and orphans.
 *
 * <pre>
 *   DATA/state                    whose WAL this is, its timeline, gaps, orphans
 *   DATA/slots                    the standbys' slots
 *   DATA/parameters               the settings that standbys must have
 *   DATA/wal/                     segments and histories, named as in pg_wal, with what is known of the segments' changes
 *   DATA/orphans/LINEAGE/         WAL past a fork, on the side that lost
 * </pre>
 *
 * <p>Reading, slots and retention are thread-safe. {@link #writer()} and the methods that change the timeline belong to the WAL writer thread.
 */
public final class WalCache implements AutoCloseable {

    private final Storage storage;
    private final DurableFiles durable;
    private final SegmentFiles files;
    private final SegmentAllocator allocator;
    private final MemoryTail tail;
    private final WalWriter writer;
    private final Slots slots;
    private final FailoverSlots failoverSlots;
    private final CacheSettings settings;
    private final StateInForce state;
    private final Optional<CacheArchive> archive;
    private final WalByName byName;
    private final Reservations reservations;
    private final NextXid nextXid = new NextXid();
    private final HotStandbyWatch hotStandby;
    private final WalByManager byManager;
    private final TierReads reads = new TierReads();
    /** Held while files are deleted or change places: what was decided about them is still so when it is done. */
    private final Object filing = new Object();
    private volatile Lsn oldest;
    private volatile Optional<Retention.Holder> horizon = Optional.empty();

    private WalCache(Tiers tiers, DurableFiles durable, CacheState state) throws IOException {
        this.storage = tiers.disk();
        this.durable = durable;
        this.settings = tiers.settings();
        // Read before anything is repaired: a start that a damaged file ends leaves the directory as it was.
        this.slots = Slots.load(durable);
        this.failoverSlots = FailoverSlots.load(durable);
        this.files = new SegmentFiles(storage, state.segmentSize());
        this.state = new StateInForce(files, durable, state);
        this.state.completeChange();
        Recovery.Found found = new Recovery(files, state()).recover();
        this.tail = new MemoryTail(settings.memory());
        this.allocator = new SegmentAllocator(files);
        this.writer = new WalWriter(files, allocator, tail, found, this.state::settle);
        this.oldest = findOldest();
        this.archive = tiers.archive().isEmpty()
                ? Optional.empty()
                : Optional.of(new CacheArchive(this, durable, new ArchivedWal(tiers.archive().get(), system(), segmentSize(), storage, settings.fetched())));
        this.byName = new WalByName(this, archived());
        this.reservations = new Reservations(this, settings.slots(), filing);
        this.hotStandby = new HotStandbyWatch(durable, end().lineage());
        this.byManager = new WalByManager(end());
    }

    /**
     * Opens what an earlier run left and recovers it; empty when there is nothing yet.
     *
     * @param tiers stay the caller's
     * @throws DurableFiles.DamagedFileException when the state can't be trusted; nothing was changed
     */
    public static Optional<WalCache> open(Tiers tiers) throws IOException {
        Storage storage = tiers.disk();
        DurableFiles durable = new DurableFiles(storage);
        Optional<CacheState> state = CacheState.load(durable);
        if (state.isEmpty()) {
            List<String> found = storage.list(SegmentFiles.WAL);
            if (!found.isEmpty()) {
                String hint = "if they are another program's, give the relay a directory of its own";
                throw new IOException("the data directory has %d files in wal/ but no state file; %s".formatted(found.size(), hint));
            }
            return Optional.empty();
        }
        return Optional.of(new WalCache(tiers, durable, state.get()));
    }

    /**
     * Begins a new folder.
     *
     * @param start the beginning of a segment of {@code lineage}
     * @throws DiskFullException when there is no room for it; nothing was begun
     */
    public static WalCache create(Tiers tiers, SystemId system, SegmentSize segmentSize, TimelineHistory lineage, Lsn start) throws IOException {
        if (segmentSize.offset(start) != 0) {
            throw new IllegalArgumentException("%s is not the beginning of a segment of %s".formatted(start, segmentSize));
        }
        Storage storage = tiers.disk();
        DurableFiles durable = new DurableFiles(storage);
        if (CacheState.load(durable).isPresent()) {
            throw new IOException("the data directory holds a relay's WAL already");
        }
        CacheState state = CacheState.begin(system, segmentSize, lineage, start);
        try {
            // Its directories before the state: where there is no room for them, nothing was begun.
            new SegmentFiles(storage, segmentSize).syncNames();
            state.save(durable);
        } catch (IOException e) {
            throw CacheState.load(durable).isPresent() ? e : DiskFullException.orAsItIs(e);
        }
        return new WalCache(tiers, durable, state);
    }

    public SystemId system() {
        return state().system();
    }

    public SegmentSize segmentSize() {
        return state().segmentSize();
    }

    public EndOfWal end() {
        return writer.end();
    }

    public WalWriter writer() {
        return writer;
    }

    public Slots slots() {
        return slots;
    }

    /** The slots of upstream that standbys synchronise, for which WAL is kept too. */
    public FailoverSlots failoverSlots() {
        return failoverSlots;
    }

    /** The slots with the WAL that they reserve. */
    public Reservations reservations() {
        return reservations;
    }

    /** How far upstream is with its transactions, once a {@link #verifier} reads. */
    public NextXid nextXid() {
        return nextXid;
    }

    /** What hot standby needs to know of the WAL, as a {@link #verifier} reads it. */
    public HotStandbyWatch hotStandby() {
        return hotStandby;
    }

    /** Whose the WAL is that came since the start, as a {@link #verifier} reads it. */
    public WalByManager byManager() {
        return byManager;
    }

    public List<Orphan> orphans() {
        return state().orphans();
    }

    /** Gaps in what is held; the first reaches from the beginning of time to where the relay began. */
    public List<Gap> gaps() {
        return state().gaps();
    }

    /** A cursor of the caller's own. */
    public WalCursor openCursor() {
        return new WalCursor(this);
    }

    /**
     * The records of the relay's history, for the caller alone, who closes them.
     *
     * @param from the beginning of a segment
     */
    public HeldRecords records(Lsn from) {
        return new HeldRecords(this, from);
    }

    /** Finds files by PostgreSQL's names for them. */
    public WalByName byName() {
        return byName;
    }

    /**
     * A thread that makes WAL durable in the background, for as long as nobody waits for it. The caller starts and closes it.
     *
     * @param whenFlushed called on that thread after each flush; must only wake somebody
     */
    public GroupFsync groupFsync(Runnable whenFlushed, Consumer<IOException> whenFailed) {
        return new GroupFsync(writer, whenFlushed, whenFailed);
    }

    /**
     * Something that verifies WAL as it comes. The caller starts and closes it.
     *
     * @param from the beginning of a segment: what lies before is taken for verified
     */
    public WalVerifier verifier(Lsn from, WalVerifier.Remedy remedy) {
        return new WalVerifier(this, from, remedy);
    }

    /** What WAL on the disk changes. */
    public ChangeIndex changeIndex() {
        return new ChangeIndex(this);
    }

    /** Something that makes the change index of what the verifier need not read. The caller starts and closes it. */
    public HeldIndexing heldIndexing(WalVerifier verifier) {
        return new HeldIndexing(this, verifier);
    }

    /** What {@link #verifier} has found in earlier runs, if whoever starts it remembers it. */
    public KnownDamage knownDamage() {
        return new KnownDamage(durable);
    }

    /** Where a {@link #verifier} begins: what is archived is verified, and where there is no archive only what comes is. */
    public Lsn verifyFrom() throws IOException {
        return archive.isPresent() ? archive.get().archivedUpTo() : Lsn.max(oldest(), segmentSize().startOf(end().written()));
    }

    /** What is to be done in the archive; empty when none is configured. */
    public Optional<CacheArchive> archive() {
        return archive;
    }

    /**
     * Writes bytes over those that are held, because upstream has others and ours are damaged. WAL writer thread only.
     *
     * @param lineage whose WAL it is; the relay's own, or one that shares it up to the end of {@code bytes}
     * @param from where {@code bytes} begin; they end at or before the end of the segment, and of what is written
     * @return whether any differed
     */
    public boolean mend(TimelineHistory lineage, Lsn from, ByteBuffer bytes) throws IOException {
        return writer.mend(lineage, from, bytes);
    }

    /** The oldest position from which WAL is held without a gap up to the end. */
    public Lsn oldest() {
        return oldest;
    }

    /** Asked for again only after WAL was freed or the end moved other than forward. */
    private Lsn findOldest() {
        TimelineHistory lineage = end().lineage();
        Lsn found = segmentSize().startOf(end().written());
        Lsn floor = state().floor();
        while (found.isAfter(floor) && files.locate(lineage, found.plus(-1)).isPresent()) {
            found = segmentSize().startOf(found.plus(-1));
        }
        return found;
    }

    /** The limits that it was opened with. */
    public CacheSettings settings() {
        return settings;
    }

    /** What cursors have read, by tier. */
    public TierReads reads() {
        return reads;
    }

    /** Bytes of the newest WAL that are in memory. */
    public long memoryBytes() {
        return tail.heldBytes();
    }

    /** Bytes that segment files occupy, orphans and what was fetched from the archive included. */
    public long diskBytes() {
        return files.bytes() + archived().map(it -> it.fetcher().bytes()).orElse(0L);
    }

    /** The text of a timeline's history as upstream sent it; empty when it is not an ancestor of ours, or has none. */
    public Optional<byte[]> history(TimelineId timeline) throws IOException {
        return end().lineage().contains(timeline) ? durable.readPlain(files.path(new WalFileName.History(timeline))) : Optional.empty();
    }

    /**
     * Keeps a history's text, durably.
     *
     * @throws DiskFullException when there is no room for it
     */
    public void storeHistory(TimelineId timeline, byte[] content) throws IOException {
        try {
            durable.writePlain(files.path(new WalFileName.History(timeline)), content);
        } catch (IOException e) {
            throw DiskFullException.orAsItIs(e);
        }
    }

    /** Whether the file system has room for more than the segment that is prepared next. Any thread. */
    public boolean hasRoom() throws IOException {
        return storage.freeBytes() >= 2L * segmentSize().bytes();
    }

    /**
     * Goes on with another timeline. What the relay holds past the fork becomes an orphan and is moved out of sight.
     *
     * <p>A crash leaves the old timeline in force or the new one: see {@link TimelineSwitch}. A history equal to ours changes nothing.
     *
     * @param next a history that shares all of ours, or parts from it at a position before our end
     * @param acknowledged how far upstream was told that WAL is safe
     * @return what was orphaned, if anything
     * @throws DiskFullException when there was no room to begin with; the old timeline is in force, and the same may be tried again
     */
    public Optional<Orphan> follow(TimelineHistory next, byte[] historyContent, Lsn acknowledged) throws IOException {
        synchronized (filing) {
            Optional<Orphan> orphan = state.follow(writer, next, historyContent, acknowledged);
            oldest = findOldest();
            return orphan;
        }
    }

    /** An operator knows of the orphans: none is {@link Orphan#alarming} any more, unless there was no room to remember it (DiskFullException). */
    public void acceptOrphans() throws IOException {
        state.acceptOrphans(writer);
    }

    /** Goes on at {@code segmentStart} because upstream no longer has what lies between; the gap is remembered for ever. */
    public Gap skipTo(Lsn segmentStart) throws IOException {
        synchronized (filing) {
            Gap gap = state.skipTo(writer, segmentStart);
            oldest = findOldest();
            return gap;
        }
    }

    /**
     * Whether a standby that has WAL up to {@code position} on {@code timeline} got some of it from an orphan.
     *
     * @return the orphan, when the relay knows of one that explains it
     */
    public Optional<Orphan> orphanAt(TimelineId timeline, Lsn position) {
        return state().orphans().reversed().stream()
                .filter(o -> o.lineage().contains(timeline) && position.isAfter(o.fork()))
                .filter(o -> !end().lineage().reaches(o.lineage().upTo(timeline), position))
                .findFirst();
    }

    /** Decides what may be freed and frees it. Returns the decision, for the log and for whoever must hold upstream. */
    public Retention.Decision retain(Instant now) throws IOException {
        synchronized (filing) {
            // So that what is freed is never needed by a slot as a restart would find it.
            slots.save();
            failoverSlots.save();
            Retention.Decision decision = Retention.decide(new Freeable(this, settings).snapshot(now));
            for (String name : decision.lost()) {
                slots.markLost(name);
            }
            for (Retention.Segment segment : decision.free()) {
                switch (segment.side()) {
                    case Retention.Side.Own() -> files.delete(segment.id());
                    case Retention.Side.Orphan(var directory, _) -> files.deleteOrphan(directory, segment.id());
                }
            }
            oldest = findOldest();
            horizon = decision.horizon();
            return decision.withLost(reservations.markLost());
        }
    }

    /** Who keeps the oldest WAL on the disk, as {@link #retain} found it last; empty when nobody needs any. */
    public Optional<Retention.Holder> horizon() {
        return horizon;
    }

    /** From where a base backup that begins now has to replay: the redo of the last checkpoint, or else all that is held. Waits for the disk. */
    Lsn replayStart() throws IOException {
        Lsn redo = lastRedo();
        return redo.isValid() ? redo : oldest();
    }

    /** The redo of the last checkpoint whose record is held (slot.c, ReplicationSlotReserveWal); {@link Lsn#INVALID} when none is. Waits for the disk. */
    Lsn lastRedo() throws IOException {
        EndOfWal end = end();
        HeldLog log = HeldLog.whole(files, end.lineage()).upTo(end.written());
        CheckpointSearch search = new CheckpointSearch(log, new WalIdentity(system(), segmentSize(), end.lineage()));
        return search.lastBefore(oldest(), end.written()) instanceof CheckpointSearch.Found(_, var checkpoint) ? checkpoint.redo() : Lsn.INVALID;
    }

    CacheState state() {
        return state.now();
    }

    boolean isChangingTimeline() {
        return state.isChangingTimeline();
    }

    SegmentFiles files() {
        return files;
    }

    Storage storage() {
        return storage;
    }

    /** The archive for those who read WAL; empty when none is configured. */
    Optional<ArchivedWal> archived() {
        return archive.map(CacheArchive::wal);
    }

    MemoryTail tail() {
        return tail;
    }

    /** How far WAL from {@code from} on goes without a gap, at most to {@code limit}; {@code from} itself inside of one. */
    Lsn gapAfter(Lsn from, Lsn limit) {
        return Gap.after(gaps(), from, limit);
    }

    /** Where WAL goes on after the gap that {@code at} is inside of; {@code at} itself outside of any. */
    Lsn afterGap(Lsn at) {
        return gaps().stream().filter(gap -> gap.contains(at)).map(Gap::to).findFirst().orElse(at);
    }

    /** Saves what is saved lazily and closes all files. */
    @Override
    public void close() throws IOException {
        try (allocator) {
            archived().ifPresent(ArchivedWal::close);
            try {
                writer.close();
            } finally {
                tail.reset(end().written());
                slots.save();
                failoverSlots.save();
            }
        }
    }
}
