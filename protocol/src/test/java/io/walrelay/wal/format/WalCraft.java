package io.walrelay.wal.format;

import static io.walrelay.wal.format.PageHeader.PAGE_SIZE;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;

/**
 * Makes valid WAL in memory, byte by byte as a server would write it, and knows the truth about it: where each record starts
 * and ends. A fixture for tests of whatever stores, streams or reads WAL.
 *
 * <pre>{@code
 * WalCraft wal = WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), Lsn.parse("0/1000000"), seed)
 *         .record(100)              // 100 bytes, header included
 *         .record(3 << 20)          // spans several segments
 *         .switchSegment()
 *         .lostRecord(30_000, 2)    // cut by a crash after two pages, then overwritten
 *         .randomRecords(500, 20_000);
 * WalCraft after = wal.promoted(new TimelineId(2), wal.recordEnds().get(17));  // shares the bytes before
 * }</pre>
 *
 * The same calls with the same seed give the same bytes. Not thread-safe.
 */
public final class WalCraft {

    private static final int RM_XLOG = 0;
    private static final int XLOG_SWITCH = 0x40;
    private static final int XLOG_NOOP = 0x20;
    private static final int XLOG_OVERWRITE_CONTRECORD = 0xD0;
    private static final int RM_HEAP = 10;

    private final WalVersion version;
    private final SegmentSize segmentSize;
    private final SystemId systemId;
    private final TimelineHistory history;
    private final Lsn start;
    private final Random random;
    private final List<Lsn> recordStarts;
    private final List<Lsn> recordEnds;

    private byte[] bytes;
    private int length;
    private boolean overwriteNextPage;

    private WalCraft(
            WalVersion version, SegmentSize segmentSize, SystemId systemId, TimelineHistory history, Lsn start, long seed) {
        this.version = version;
        this.segmentSize = segmentSize;
        this.systemId = systemId;
        this.history = history;
        this.start = start;
        this.random = new Random(seed);
        this.recordStarts = new ArrayList<>();
        this.recordEnds = new ArrayList<>();
        this.bytes = new byte[1 << 16];
    }

    /** WAL of timeline 1 and PostgreSQL 15 with nothing in it yet. {@code start} begins a segment; {@code seed} decides the records' contents. */
    public static WalCraft begin(SegmentSize segmentSize, SystemId systemId, Lsn start, long seed) {
        return begin(WalVersion.V15, segmentSize, systemId, TimelineHistory.root(new TimelineId(1)), start, seed);
    }

    /** As {@link #begin(SegmentSize, SystemId, Lsn, long)}, of another version or on another timeline. */
    public static WalCraft begin(
            WalVersion version, SegmentSize segmentSize, SystemId systemId, TimelineHistory history, Lsn start, long seed) {
        if (segmentSize.offset(start) != 0) {
            throw new IllegalArgumentException("%s does not begin a segment of %s".formatted(start, segmentSize));
        }
        return new WalCraft(version, segmentSize, systemId, history, start, seed);
    }

    /** Adds a record of {@code totalLength} bytes (24 or more, header included) with random contents. */
    public WalCraft record(int totalLength) {
        // A bare header that claims to be of the heap would be odd but valid; a no-op looks like what servers write.
        byte[] payload = new byte[totalLength - RecordHeader.SIZE];
        random.nextBytes(payload);
        return record(payload.length == 0 ? RM_XLOG : RM_HEAP, payload.length == 0 ? XLOG_NOOP : 0, payload);
    }

    /** Adds a record of this resource manager and info with this payload. */
    public WalCraft record(int resourceManager, int info, byte[] payload) {
        byte[] record = frame(resourceManager, info, payload);
        Lsn at = recordWouldStart();
        put(record, record.length);
        recordStarts.add(at);
        recordEnds.add(end());
        return this;
    }

    /** Adds {@code count} records of random lengths up to {@code maxLength}, most of them short as in real WAL. */
    public WalCraft randomRecords(int count, int maxLength) {
        for (int i = 0; i < count; i++) {
            int bound = random.nextInt(10) == 0 ? maxLength : Math.min(maxLength, 300);
            record(RecordHeader.SIZE + random.nextInt(Math.max(1, bound - RecordHeader.SIZE + 1)));
        }
        return this;
    }

    /** Adds a segment switch: its record and zeros, page headers included, to the end of the segment, where it ends. */
    public WalCraft switchSegment() {
        record(RM_XLOG, XLOG_SWITCH, new byte[0]);
        int rest = (segmentSize.bytes() - segmentSize.offset(end())) % segmentSize.bytes();
        reserve(rest);
        length += rest;
        recordEnds.set(recordEnds.size() - 1, end());
        return this;
    }

    /**
     * Adds the first {@code pages} pages (the one where it starts counts) of a record of {@code totalLength} bytes, and then
     * what a server writes when it restarts after having lost the rest: a page that says so and XLOG_OVERWRITE_CONTRECORD.
     * The lost record is not in the truth, the other is.
     */
    public WalCraft lostRecord(int totalLength, int pages) {
        Lsn lost = unfinishedRecord(totalLength, pages);
        overwriteNextPage = true;
        byte[] payload = new byte[18];
        payload[0] = (byte) 0xFF;
        payload[1] = 16;
        ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN).putLong(2, lost.value()).putLong(10, 0);
        return record(RM_XLOG, XLOG_OVERWRITE_CONTRECORD, payload);
    }

    /**
     * Adds the first {@code pages} pages (the one where it starts counts) of a record of {@code totalLength} bytes and
     * nothing else: how WAL ends that was cut at a page boundary. Nothing can be added after it.
     *
     * @return where the unfinished record starts
     */
    public Lsn unfinishedRecord(int totalLength, int pages) {
        byte[] payload = new byte[totalLength - RecordHeader.SIZE];
        random.nextBytes(payload);
        byte[] record = frame(RM_HEAP, 0, payload);
        Lsn at = recordWouldStart();
        int kept = PAGE_SIZE - offsetInPage(at);
        Lsn page = at.plus(kept);
        for (int i = 1; i < pages; i++, page = page.plus(PAGE_SIZE)) {
            kept += PAGE_SIZE - headerSize(page);
        }
        if (kept >= record.length) {
            throw new IllegalArgumentException("a record of %d bytes at %s does not go past %d pages".formatted(totalLength, at, pages));
        }
        put(record, kept);
        return at;
    }

    /**
     * The WAL of a server that was promoted to {@code child} at {@code boundary}, a record end of this one: the same bytes
     * before it, new ones after. A page that the boundary cuts keeps this timeline's number.
     */
    public WalCraft promoted(TimelineId child, Lsn boundary) {
        int records = boundary.equals(start) ? 0 : recordEnds.indexOf(boundary) + 1;
        if (records == 0 && !boundary.equals(start)) {
            throw new IllegalArgumentException("%s is not the end of a record; those near are %s".formatted(boundary, nearest(boundary)));
        }
        WalCraft craft = new WalCraft(
                version, segmentSize, systemId, history.promoted(child, boundary, "no recovery target specified"), start, random.nextLong());
        craft.recordStarts.addAll(recordStarts.subList(0, records));
        craft.recordEnds.addAll(recordEnds.subList(0, records));
        craft.length = (int) boundary.minus(start);
        craft.bytes = Arrays.copyOf(bytes, Math.max(craft.length, 1 << 16));
        Arrays.fill(craft.bytes, craft.length, Math.min(craft.bytes.length, bytes.length), (byte) 0);
        return craft;
    }

    private List<Lsn> nearest(Lsn lsn) {
        int i = Math.abs(Collections.binarySearch(recordEnds, lsn) + 1);
        return recordEnds.subList(Math.max(0, i - 1), Math.min(recordEnds.size(), i + 1));
    }

    /** Spoils the byte at {@code at} so that it surely differs. */
    public WalCraft corrupt(Lsn at) {
        bytes[index(at)] ^= 0x55;
        return this;
    }

    /** Replaces what is at {@code at}; checksums are not mended. */
    public WalCraft overwrite(Lsn at, byte... by) {
        System.arraycopy(by, 0, bytes, index(at), by.length);
        return this;
    }

    public WalVersion version() {
        return version;
    }

    public SegmentSize segmentSize() {
        return segmentSize;
    }

    public SystemId systemId() {
        return systemId;
    }

    public TimelineHistory history() {
        return history;
    }

    public WalIdentity identity() {
        return new WalIdentity(systemId, segmentSize, history);
    }

    /** The first byte's position. */
    public Lsn start() {
        return start;
    }

    /** The position after the last byte. */
    public Lsn end() {
        return start.plus(length);
    }

    /** Where each record starts, in order; overwritten and unfinished ones are not in it. */
    public List<Lsn> recordStarts() {
        return Collections.unmodifiableList(recordStarts);
    }

    /** Where each record ends by PostgreSQL's counting, in order; the i-th belongs to the i-th start. */
    public List<Lsn> recordEnds() {
        return Collections.unmodifiableList(recordEnds);
    }

    /** The end of the last record that ends at or before {@code lsn}; {@link Lsn#INVALID} when none does. */
    public Lsn lastRecordEndAt(Lsn lsn) {
        int i = Collections.binarySearch(recordEnds, lsn);
        int last = i >= 0 ? i : -i - 2;
        return last < 0 ? Lsn.INVALID : recordEnds.get(last);
    }

    /** All bytes, a copy. */
    public byte[] bytes() {
        return Arrays.copyOf(bytes, length);
    }

    /** The bytes from {@code from} up to {@code to}, a copy. */
    public byte[] bytes(Lsn from, Lsn to) {
        return Arrays.copyOfRange(bytes, index(from), (int) to.minus(start));
    }

    /** The whole file of segment {@code number}: zeros where nothing was written yet. */
    public byte[] segment(long number) {
        return segment(number, new byte[segmentSize.bytes()]);
    }

    /** The file of segment {@code number} when the file that was recycled for it had {@code before} in it. */
    public byte[] segment(long number, byte[] before) {
        byte[] file = Arrays.copyOf(before, segmentSize.bytes());
        int from = (int) segmentSize.start(number).minus(start);
        System.arraycopy(bytes, from, file, 0, Math.clamp(length - from, 0, file.length));
        return file;
    }

    /** The bytes as a source that ends where they end. */
    public WalSource source() {
        return source(start, bytes());
    }

    /** {@code wal} as a source: its first byte is at {@code from}, and nothing is before or after it. */
    public static WalSource source(Lsn from, byte[] wal) {
        return (at, into) -> {
            long offset = at.minus(from);
            if (offset < 0 || offset >= wal.length) {
                return 0;
            }
            int count = (int) Math.min(into.remaining(), wal.length - offset);
            into.put(wal, (int) offset, count);
            return count;
        };
    }

    private byte[] frame(int resourceManager, int info, byte[] payload) {
        int total = RecordHeader.SIZE + payload.length;
        long prev = recordStarts.isEmpty() ? 0 : recordStarts.getLast().value();
        ByteBuffer record = ByteBuffer.allocate(total).order(ByteOrder.LITTLE_ENDIAN);
        record.putInt(0, total)
                .putInt(4, recordStarts.size() + 700)
                .putLong(8, prev)
                .put(16, (byte) info)
                .put(17, (byte) resourceManager)
                .put(RecordHeader.SIZE, payload);
        CRC32C crc = new CRC32C();
        crc.update(record.array(), RecordHeader.SIZE, payload.length);
        crc.update(record.array(), 0, RecordHeader.CRC_OFFSET);
        return record.putInt(RecordHeader.CRC_OFFSET, (int) crc.getValue()).array();
    }

    /** Writes the first {@code count} bytes of a record, with page headers where pages begin, and padding if that is all of it. */
    private void put(byte[] record, int count) {
        int done = 0;
        while (done < count) {
            if (offsetInPage(end()) == 0) {
                putPageHeader(done == 0 ? 0 : record.length - done);
            }
            int part = Math.min(count - done, PAGE_SIZE - offsetInPage(end()));
            reserve(part + 7);
            System.arraycopy(record, done, bytes, length, part);
            length += part;
            done += part;
        }
        if (count == record.length) {
            length = RecordHeader.aligned(length);
        }
    }

    private void putPageHeader(int remaining) {
        Lsn page = end();
        int size = headerSize(page);
        reserve(size);
        // Servers set this flag unless a backup is running.
        int info = PageHeader.BKP_REMOVABLE
                | (size == PageHeader.LONG_SIZE ? PageHeader.LONG_HEADER : 0)
                | (remaining > 0 ? PageHeader.FIRST_IS_CONTRECORD : 0)
                | (overwriteNextPage ? PageHeader.FIRST_IS_OVERWRITE_CONTRECORD : 0);
        overwriteNextPage = false;
        ByteBuffer header = ByteBuffer.wrap(bytes, length, size).slice().order(ByteOrder.LITTLE_ENDIAN);
        header.putShort((short) version.magic())
                .putShort((short) info)
                .putInt(history.timeline().value())
                .putLong(page.value())
                .putInt(remaining)
                .putInt(0);
        if (size == PageHeader.LONG_SIZE) {
            header.putLong(systemId.value()).putInt(segmentSize.bytes()).putInt(PAGE_SIZE);
        }
        length += size;
    }

    private Lsn recordWouldStart() {
        return offsetInPage(end()) == 0 ? end().plus(headerSize(end())) : end();
    }

    private int headerSize(Lsn page) {
        return segmentSize.offset(page) == 0 ? PageHeader.LONG_SIZE : PageHeader.SHORT_SIZE;
    }

    private int index(Lsn lsn) {
        long index = lsn.minus(start);
        if (index < 0 || index >= length) {
            throw new IndexOutOfBoundsException("%s is not between %s and %s".formatted(lsn, start, end()));
        }
        return (int) index;
    }

    private void reserve(int more) {
        if (length + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(length + more, 2 * bytes.length));
        }
    }

    private static int offsetInPage(Lsn lsn) {
        return (int) lsn.value() & PAGE_SIZE - 1;
    }
}
