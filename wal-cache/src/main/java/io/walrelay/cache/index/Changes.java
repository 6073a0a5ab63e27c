package io.walrelay.cache.index;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.FirstChanges;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.RecordHeader;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.ResourceManager;
import io.walrelay.wal.format.WalRecord;
import io.walrelay.wal.format.WalVersion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What a stretch of WAL changes, gathered record by record: blocks; what is changed without reference to blocks; from when its commits are;
 * and how much of it is whose.
 *
 * <p>Confined to one thread.
 */
public final class Changes {

    /** A resource manager's number is one byte. */
    private static final int MANAGERS = 256;

    private static final int COUNTS = 4;
    private static final int BYTES = 1;
    private static final int IMAGE_BYTES = 2;

    /**
     * A record that changes files otherwise than by its references; kept as it is, so that {@link RecordBodies} alone knows how to read it. Of those
     * that nobody knows the first of each resource manager and of each kind, and of that the header.
     *
     * @param body a {@link FileChange}, or the end of a transaction that drops relations
     */
    @SuppressWarnings("ArrayRecordComponent") // Written to a file, and compared by nobody.
    public record Special(Lsn at, RecordBody body, byte[] record) {}

    private record UnknownKind(int resourceManager, boolean specialUpdate) {}

    /** @param resourceManager its name, or its number when it is an extension's */
    public record ManagerStatistics(String resourceManager, long records, long bytes, long imageBytes) {}

    /** @param references how often records refer to its blocks */
    public record RelationStatistics(RelationFile relation, int fork, long references, long imageBytes) {}

    /** The times of the oldest and the newest commit, which need not be the first and the last; microseconds since 2000. */
    public record CommitTimes(long oldest, long newest) {}

    private final ChangedBlocks blocks;
    private final List<Special> special = new ArrayList<>();
    /** Those of which a record was kept. */
    private final Set<UnknownKind> unknown = new HashSet<>();
    /** By resource manager: records, bytes, bytes of images. */
    private final long[] managers = new long[COUNTS * MANAGERS];
    private WalVersion version = WalVersion.V13;
    private Lsn lastCheckpoint = Lsn.INVALID;
    private long oldestCommit = Long.MAX_VALUE;
    private long newestCommit = Long.MIN_VALUE;

    public Changes() {
        this(0);
    }

    /** @param likely how many blocks will be changed, more or less */
    public Changes(int likely) {
        blocks = new ChangedBlocks(likely);
    }

    /**
     * Adds a record that starts after all that were added.
     *
     * @throws MalformedRecordException when it is not of the form that its kind has
     */
    public void add(WalRecord record) throws MalformedRecordException {
        long start = record.start().value();
        int images = 0;
        for (int i = 0; i < record.blockCount(); i++) {
            int image = record.imageLength(i);
            int fork = blocks.fork(record.databaseAndTablespaceOf(i), record.relationOf(i), record.forkOf(i));
            blocks.count(fork, image);
            blocks.add(fork, record.blockOf(i), start, record.writesWholePage(i));
            images += image;
        }
        int manager = record.resourceManager();
        count(manager, 1, record.length(), images);
        if (RecordBodies.isCheckpoint(manager, record.info())) {
            lastCheckpoint = record.start();
        }
        if (RecordBodies.mayChangeFiles(manager, record.info())) {
            addBody(record);
        }
    }

    private void addBody(WalRecord record) throws MalformedRecordException {
        switch (RecordBodies.of(record).orElse(null)) {
            case RecordBody.TransactionEnd end -> {
                if (end.committed()) {
                    addCommits(end.time(), end.time());
                }
                if (!end.dropped().isEmpty()) {
                    add(record, end, record.length());
                }
            }
            // An extension may write as much as all others: that the first of its records of a kind may have read or changed everything says it all.
            case FileChange.Unknown it when !unknown.add(new UnknownKind(it.resourceManager(), it.isSpecialUpdate())) -> {}
            case FileChange.Unknown it -> add(record, it, RecordHeader.SIZE);
            case FileChange change -> add(record, change, record.length());
            case null, default -> {}
        }
    }

    private void add(WalRecord record, RecordBody body, int length) {
        byte[] copy = new byte[length];
        record.whole().get(copy);
        if (length < record.length()) {
            ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN).putInt(0, length);
        }
        version = record.version();
        special.add(new Special(record.start(), body, copy));
    }

    /** Adds a record that was kept. */
    void addSpecial(WalRecord record, byte[] copy) throws MalformedRecordException {
        version = record.version();
        RecordBody body = RecordBodies.of(record).orElseThrow(() -> new IllegalArgumentException("record at %s changes nothing".formatted(record.start())));
        special.add(new Special(record.start(), body, copy));
    }

    void addCheckpoint(Lsn at) {
        lastCheckpoint = at;
    }

    void addCommits(long oldest, long newest) {
        oldestCommit = Math.min(oldestCommit, oldest);
        newestCommit = Math.max(newestCommit, newest);
    }

    void count(int manager, long moreRecords, long moreBytes, long moreImageBytes) {
        int at = manager * COUNTS;
        managers[at] += moreRecords;
        managers[at + BYTES] += moreBytes;
        managers[at + IMAGE_BYTES] += moreImageBytes;
    }

    /** Adds what these are to {@code firsts}, all of which came before in the log. */
    public void addTo(FirstChanges firsts) {
        for (Special kept : special) {
            if (kept.body() instanceof FileChange change) {
                firsts.add(change, kept.at());
            }
        }
        blocks.addTo(firsts);
    }

    public ChangedBlocks blocks() {
        return blocks;
    }

    /** In the order of the log. */
    public List<Special> special() {
        return List.copyOf(special);
    }

    /** Where the last checkpoint's record starts; empty when there is none. */
    public Optional<Lsn> lastCheckpoint() {
        return lastCheckpoint.isValid() ? Optional.of(lastCheckpoint) : Optional.empty();
    }

    /** Empty when no transaction commits. */
    public Optional<CommitTimes> commits() {
        return oldestCommit > newestCommit ? Optional.empty() : Optional.of(new CommitTimes(oldestCommit, newestCommit));
    }

    /** That which wrote the {@link #special} records. */
    WalVersion version() {
        return version;
    }

    long recordsOf(int manager) {
        return managers[manager * COUNTS];
    }

    long bytesOf(int manager) {
        return managers[manager * COUNTS + BYTES];
    }

    long imageBytesOf(int manager) {
        return managers[manager * COUNTS + IMAGE_BYTES];
    }

    /** Of those that have records, by their number. Bytes are the records' own, without pages' headers and padding, images among them. */
    public List<ManagerStatistics> byManager() {
        List<ManagerStatistics> all = new ArrayList<>();
        for (int i = 0; i < MANAGERS; i++) {
            if (recordsOf(i) > 0) {
                all.add(new ManagerStatistics(ResourceManager.titleOf(i), recordsOf(i), bytesOf(i), imageBytesOf(i)));
            }
        }
        return all;
    }

    /** In the order in which the log names them first. */
    public List<RelationStatistics> byRelation() {
        List<RelationStatistics> all = new ArrayList<>();
        for (int fork = 0; fork < blocks.forkCount(); fork++) {
            all.add(new RelationStatistics(blocks.relationOf(fork), blocks.kindOf(fork), blocks.referencesOf(fork), blocks.imageBytesOf(fork)));
        }
        return all;
    }

    /** All records. */
    public long records() {
        long all = 0;
        for (int i = 0; i < MANAGERS; i++) {
            all += recordsOf(i);
        }
        return all;
    }
}
