package io.walrelay.wal.format;

import static io.walrelay.wal.format.PageHeader.PAGE_SIZE;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Reads the log record by record and believes nothing unchecked: page headers, the chain of prev links, the checksum of
 * each record (PostgreSQL: xlogreader.c, XLogDecodeNextRecord). It differs in that it also holds each page's timeline against the
 * history, and does not look at resource manager numbers: a record with a right checksum is one.
 *
 * <p>A cursor: {@link #next()} moves to the next record, the accessors describe it. What a page continues from before the
 * start is passed over, unverified. Ends at the first thing that is no valid record: for good, unless there were only no more bytes.
 *
 * <p>Confined to one thread.
 */
public final class WalReader {

    private static final int CHUNK_SIZE = 32 * PAGE_SIZE;

    private final WalSource source;
    private final SegmentSize segmentSize;
    private final PageRules rules;
    private final CRC32C crc = new CRC32C();

    /** Whole pages of the log from {@link #chunkStart} on, as far as they were read. */
    private final byte[] chunk = new byte[CHUNK_SIZE];

    private final ByteBuffer chunkBuffer = ByteBuffer.wrap(chunk);
    private long chunkStart;
    private int chunkLength;

    /** Where in the chunk the page begins whose header was checked last. */
    private int pageIndex;

    /** Where the next record is looked for: the start, or where the last one ended. */
    private long next;

    /** Start of the last valid record; 0 before the first. */
    private long recordStart;

    private long lastRecordEnd;
    private long continuedTo;

    /** The last valid record is in the chunk, or assembled from several pages. */
    private byte[] recordBytes = chunk;

    private int recordOffset;
    private byte[] assembled = new byte[4 * PAGE_SIZE];
    private @Nullable WalEnd end;

    /** Whether the reader stands on a record. */
    private boolean found;

    /** Whether the first page was looked at: only there may a record go on whose beginning was not read. */
    private boolean started;

    private WalReader(WalSource source, WalIdentity identity, Lsn start) {
        this.source = source;
        this.segmentSize = identity.segmentSize();
        this.rules = new PageRules(segmentSize, identity.systemId(), identity.history());
        this.next = start.value();
        this.chunkStart = pageOf(next);
    }

    /**
     * A reader before the first record at or after {@code start}, which is the beginning of a page or where a record starts
     * or ended. Nothing is read yet.
     *
     * @throws IllegalArgumentException if no record can start or end at {@code start}
     */
    public static WalReader open(WalSource source, WalIdentity identity, Lsn start) {
        PageRules.requireBoundary(identity.segmentSize(), start);
        return new WalReader(source, identity, start);
    }

    /**
     * Moves to the next record.
     *
     * @return false when there is none; {@link #end()} says why, and stays
     * @throws IOException what the source threw; the call may be repeated
     */
    public boolean next() throws IOException {
        found = false;
        while (!found && end == null) {
            end = readAt(next);
            started |= end == null;
        }
        return found;
    }

    /**
     * Looks again where it ended for want of bytes: there may be more by now. Records are still chained to those read before.
     *
     * @throws IllegalStateException when it has not ended, or ended at what is no log
     */
    public void again() {
        switch (end) {
            case WalEnd.NoMoreBytes _, WalEnd.UnfinishedRecord _ -> {
                end = null;
                // The source may have nothing any more of what lies before.
                chunkStart = pageOf(next);
                chunkLength = 0;
            }
            case WalEnd.Flaw flaw -> throw new IllegalStateException("there is no log to go on with: " + flaw.message());
            case null -> throw new IllegalStateException("there may be more records before the end");
        }
    }

    /** Moves behind the last record and says why it is the last. */
    public WalEnd skipToEnd() throws IOException {
        WalEnd reached = end;
        while (reached == null) {
            next();
            reached = end;
        }
        return reached;
    }

    /** Why there is no next record; empty while that is not known. */
    public Optional<WalEnd> end() {
        return Optional.ofNullable(end);
    }

    /** Where the current record starts. */
    public Lsn recordStart() {
        return new Lsn(recordStart);
    }

    /** Where the current record, padding included, ends; {@link Lsn#INVALID} before the first. */
    public Lsn lastRecordEnd() {
        return new Lsn(lastRecordEnd);
    }

    /** See {@link ProvenEnd#continuedTo}. */
    public Lsn continuedTo() {
        return new Lsn(Long.compareUnsigned(continuedTo, lastRecordEnd) > 0 ? continuedTo : lastRecordEnd);
    }

    /** The current record's header. Before the first record there is none. */
    public RecordHeader header() {
        requireRecord();
        return RecordHeader.parse(recordBytes, recordOffset);
    }

    /** The transaction that wrote the current record, 32 bits; 0 when none did. */
    public int xid() {
        requireRecord();
        return RecordHeader.xid(recordBytes, recordOffset);
    }

    /** The current record's resource manager, 8 bits, by which most readers pass over most records. */
    public int resourceManager() {
        requireRecord();
        return RecordHeader.infoAndManager(recordBytes, recordOffset) >>> 8;
    }

    /** The current record's info, 8 bits. */
    public int info() {
        requireRecord();
        return RecordHeader.infoAndManager(recordBytes, recordOffset) & 0xFF;
    }

    /**
     * Takes the current record apart, into {@code record}, which is valid until the next move.
     *
     * @throws MalformedRecordException when its bytes, although their checksum is right, are no record's
     */
    public void take(WalRecord record) throws MalformedRecordException {
        requireRecord();
        record.read(rules.version(), recordStart, recordBytes, recordOffset, RecordHeader.totalLength(recordBytes, recordOffset));
    }

    /** The current record in one piece, header included, page headers and padding not; read-only, valid until the next move. */
    public ByteBuffer record() {
        requireRecord();
        return ByteBuffer.wrap(recordBytes, recordOffset, RecordHeader.totalLength(recordBytes, recordOffset))
                .slice()
                .asReadOnlyBuffer()
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    private void requireRecord() {
        if (!found) {
            throw new IllegalStateException("no current record: next() has not returned true");
        }
    }

    /**
     * Reads what is at {@code boundary}: null when that was a record, the rest of one that began before the start, or one
     * that was overwritten; {@link #next} is then where to go on.
     */
    private @Nullable WalEnd readAt(long boundary) throws IOException {
        boolean first = !started;
        long page = pageOf(boundary);
        if (page != boundary && !first) {
            return readRecord(boundary);
        }
        WalEnd flaw = checkPage(page);
        if (flaw != null) {
            return flaw;
        }
        if (page != boundary) {
            return readRecord(boundary);
        }
        if (first && pageContinues()) {
            return passOver(page, pageRemaining());
        }
        flaw = PageRules.checkContinuation(chunk, pageIndex, page, 0);
        return flaw != null ? flaw : readRecord(page + pageHeaderSize());
    }

    /** Passes over {@code remaining} bytes of a record that began before the start, the first of them on {@code firstPage}. */
    private @Nullable WalEnd passOver(long firstPage, int remaining) throws IOException {
        if (!isPossibleRemainder(remaining)) {
            return new WalEnd.BadContinuation(new Lsn(firstPage), remaining, 1);
        }
        long page = firstPage;
        int missing = remaining;
        while (true) {
            int onPage = Math.min(missing, PAGE_SIZE - pageHeaderSize());
            long from = page + pageHeaderSize();
            int wanted = RecordHeader.aligned(onPage);
            int present = fetch(from, wanted);
            continuedTo = from + present;
            if (present < wanted) {
                return new WalEnd.UnfinishedRecord(new Lsn(continuedTo), Lsn.INVALID);
            }
            missing -= onPage;
            if (missing == 0) {
                next = continuedTo;
                return null;
            }
            page += PAGE_SIZE;
            WalEnd stop = enterContinuation(page, missing, Lsn.INVALID.value());
            if (stop != null || next == page) {
                return stop;
            }
        }
    }

    private @Nullable WalEnd readRecord(long start) throws IOException {
        int toPageEnd = PAGE_SIZE - offsetInPage(start);
        int wanted = Math.min(RecordHeader.SIZE, toPageEnd);
        int present = fetch(start, wanted);
        if (present == 0) {
            return new WalEnd.NoMoreBytes(new Lsn(start));
        }
        if (present < wanted) {
            return new WalEnd.UnfinishedRecord(new Lsn(start + present), new Lsn(start));
        }
        int length = RecordHeader.totalLength(chunk, indexOf(start));
        if (!RecordHeader.isPossibleLength(length)) {
            Lsn at = new Lsn(start);
            return length == 0 ? new WalEnd.ZeroLength(at) : new WalEnd.InvalidLength(at, length);
        }
        WalEnd flaw = wanted == RecordHeader.SIZE ? checkPrev(chunk, indexOf(start), start) : null;
        if (flaw != null) {
            return flaw;
        }
        if (length > toPageEnd) {
            return assemble(start, length, toPageEnd);
        }
        wanted = RecordHeader.aligned(length);
        present = fetch(start, wanted);
        if (present < wanted) {
            continuedTo = start + present;
            return new WalEnd.UnfinishedRecord(new Lsn(continuedTo), new Lsn(start));
        }
        return accept(true, start, start + wanted);
    }

    /** Puts together a record of {@code length} bytes, {@code firstPart} of them on the page where it starts. */
    private @Nullable WalEnd assemble(long start, int length, int firstPart) throws IOException {
        long page = pageOf(start);
        long from = start;
        int onPage = firstPart;
        int have = 0;
        while (true) {
            int wanted = RecordHeader.aligned(onPage);
            int present = fetch(from, wanted);
            if (present < wanted) {
                continuedTo = from + present;
                return new WalEnd.UnfinishedRecord(new Lsn(continuedTo), new Lsn(start));
            }
            // Grows with the pages that really follow: a length made of garbage claims no memory.
            if (have + onPage > assembled.length) {
                assembled = Arrays.copyOf(assembled, Math.max(have + onPage, Math.min(length, 2 * assembled.length)));
            }
            System.arraycopy(chunk, indexOf(from), assembled, have, onPage);
            boolean headerCompleted = have < RecordHeader.SIZE && have + onPage >= RecordHeader.SIZE;
            have += onPage;
            WalEnd flaw = headerCompleted ? checkPrev(assembled, 0, start) : null;
            if (flaw != null) {
                return flaw;
            }
            continuedTo = from + wanted;
            if (have == length) {
                return accept(false, start, continuedTo);
            }
            page += PAGE_SIZE;
            WalEnd stop = enterContinuation(page, length - have, start);
            if (stop != null || next == page) {
                return stop;
            }
            from = page + pageHeaderSize();
            onPage = Math.min(length - have, PAGE_SIZE - pageHeaderSize());
        }
    }

    /** Looks at a page that must go on with {@code missing} bytes of a record. Sets {@link #next} to it if it overwrites the record instead. */
    private @Nullable WalEnd enterContinuation(long page, int missing, long start) throws IOException {
        WalEnd flaw = checkPage(page);
        if (flaw instanceof WalEnd.NoMoreBytes) {
            return new WalEnd.UnfinishedRecord(new Lsn(page), new Lsn(start));
        }
        if (flaw != null) {
            return flaw;
        }
        if ((PageHeader.info(chunk, pageIndex) & PageHeader.FIRST_IS_OVERWRITE_CONTRECORD) != 0) {
            next = page;
            return null;
        }
        return PageRules.checkContinuation(chunk, pageIndex, page, missing);
    }

    private @Nullable WalEnd checkPrev(byte[] bytes, int offset, long start) {
        long prev = RecordHeader.prev(bytes, offset);
        boolean good = recordStart == 0 ? Long.compareUnsigned(prev, start) < 0 : prev == recordStart;
        return good ? null : new WalEnd.BadPrevLink(new Lsn(start), new Lsn(prev), new Lsn(recordStart));
    }

    private @Nullable WalEnd accept(boolean inChunk, long start, long paddedEnd) throws IOException {
        byte[] bytes = inChunk ? chunk : assembled;
        int offset = inChunk ? indexOf(start) : 0;
        int length = RecordHeader.totalLength(bytes, offset);
        crc.reset();
        crc.update(bytes, offset + RecordHeader.SIZE, length - RecordHeader.SIZE);
        crc.update(bytes, offset, RecordHeader.CRC_OFFSET);
        int computed = (int) crc.getValue();
        if (computed != RecordHeader.crc(bytes, offset)) {
            return new WalEnd.BadChecksum(new Lsn(start), RecordHeader.crc(bytes, offset), computed);
        }
        recordBytes = bytes;
        recordOffset = offset;
        long recordEnd = paddedEnd;
        if (RecordHeader.isSwitch(RecordHeader.infoAndManager(bytes, offset)) && segmentSize.offset(new Lsn(paddedEnd)) != 0) {
            // Looking at the segment's end moves the chunk away from the record.
            System.arraycopy(bytes, offset, assembled, 0, length);
            recordBytes = assembled;
            recordOffset = 0;
            recordEnd = segmentSize.endOf(new Lsn(paddedEnd)).value();
            if (fetch(recordEnd - 1, 1) == 0) {
                continuedTo = paddedEnd;
                return new WalEnd.UnfinishedRecord(new Lsn(paddedEnd), new Lsn(start));
            }
        }
        recordStart = start;
        lastRecordEnd = recordEnd;
        next = recordEnd;
        found = true;
        return null;
    }

    private @Nullable WalEnd checkPage(long page) throws IOException {
        if (fetch(page, PageHeader.SHORT_SIZE) < PageHeader.SHORT_SIZE) {
            return new WalEnd.NoMoreBytes(new Lsn(page));
        }
        int size = PageHeader.sizeFor(PageHeader.info(chunk, indexOf(page)));
        if (fetch(page, size) < size) {
            return new WalEnd.NoMoreBytes(new Lsn(page));
        }
        pageIndex = indexOf(page);
        return rules.check(chunk, pageIndex, page);
    }

    private int pageHeaderSize() {
        return PageHeader.sizeFor(PageHeader.info(chunk, pageIndex));
    }

    private boolean pageContinues() {
        return (PageHeader.info(chunk, pageIndex) & PageHeader.FIRST_IS_CONTRECORD) != 0;
    }

    private int pageRemaining() {
        return PageHeader.remainingLength(chunk, pageIndex);
    }

    /** Makes {@code wanted} bytes from {@code at} on, all of one page, present in the chunk; returns how many of them there are. */
    private int fetch(long at, int wanted) throws IOException {
        if (at >= chunkStart && at - chunkStart + wanted <= chunkLength) {
            return wanted;
        }
        if (at < chunkStart || at - chunkStart + wanted > CHUNK_SIZE) {
            chunkStart = pageOf(at);
            chunkLength = 0;
        }
        fill((int) (at - chunkStart) + wanted);
        return Math.clamp(chunkLength - (at - chunkStart), 0, wanted);
    }

    private void fill(int wantedLength) throws IOException {
        while (chunkLength < wantedLength) {
            chunkBuffer.limit(CHUNK_SIZE).position(chunkLength);
            int read = source.read(new Lsn(chunkStart + chunkLength), chunkBuffer);
            if (read <= 0) {
                return;
            }
            chunkLength += read;
        }
    }

    private int indexOf(long at) {
        return (int) (at - chunkStart);
    }

    private static int offsetInPage(long at) {
        return (int) at & PAGE_SIZE - 1;
    }

    private static long pageOf(long at) {
        return at & -(long) PAGE_SIZE;
    }

    private static boolean isPossibleRemainder(int remaining) {
        return remaining > 0 && remaining <= RecordHeader.MAX_RECORD_LENGTH;
    }
}
