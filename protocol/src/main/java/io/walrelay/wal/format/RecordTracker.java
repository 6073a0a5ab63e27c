package io.walrelay.wal.format;

import static io.walrelay.wal.format.PageHeader.PAGE_SIZE;

import io.netty.buffer.ByteBuf;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.format.WalEnd.Flaw;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Follows the ends of records in a stream of WAL as it passes by. It looks at lengths and page headers only: whether the
 * bytes between them are right is the {@link WalReader}'s to say. Follows PostgreSQL's xlogreader.c in where a record ends:
 * at a multiple of 8; at a page boundary, not after the header behind it; for a segment switch, at the end of the segment.
 *
 * <p>Bytes that cannot be WAL put it into a fault: {@link #lastRecordEnd()} and {@link #position()} then stand still and
 * further bytes are ignored. A tracker follows one unbroken stream; a new start is a new tracker.
 *
 * <p>Confined to the thread that feeds it. Allocates nothing per feed or record.
 *
 * <p>Invariant: {@code lastRecordEnd ≤ position}.
 */
public final class RecordTracker {

    private enum Expects {
        PAGE_HEADER,
        RECORD_HEADER,
        RECORD_BODY,
        SEGMENT_END,
        NOTHING
    }

    private final SegmentSize segmentSize;
    private final PageRules rules;
    private final byte[] pageHeader = new byte[PageHeader.LONG_SIZE];
    private final byte[] recordHeader = new byte[RecordHeader.SIZE];

    private Expects expects;
    private long position;
    private long lastRecordEnd;
    private long recordStart;

    /** True until the first page header: only there may a record go on whose beginning was not fed. */
    private boolean atFirstPage;

    /** Bytes in {@link #pageHeader}; 0 unless one is being collected. */
    private int pageHeaderLength;

    /** Bytes in {@link #recordHeader}; 0 unless one is being collected. */
    private int recordHeaderLength;

    /** Bytes of the record still to come, its padding included; 0 between records and while its header is collected. */
    private int left;

    /** How many of {@link #left} are padding. A page boundary never falls into them. */
    private int padding;

    private boolean isSwitch;
    private @Nullable Flaw fault;

    private RecordTracker(SegmentSize segmentSize, Lsn start, Expects expects) {
        this.segmentSize = segmentSize;
        this.rules = new PageRules(segmentSize, null, null);
        this.position = start.value();
        this.expects = expects;
    }

    /**
     * A tracker that is fed from the beginning of a page, such as a segment's. The page may go on with a record that began
     * earlier: its end counts. {@link #lastRecordEnd()} is invalid until the first end was seen.
     *
     * @throws IllegalArgumentException if {@code page} is not the beginning of a page
     */
    public static RecordTracker atPage(SegmentSize segmentSize, Lsn page) {
        if ((page.value() & PAGE_SIZE - 1) != 0) {
            throw new IllegalArgumentException("%s is not the beginning of a WAL page; expected a multiple of %d".formatted(page, PAGE_SIZE));
        }
        RecordTracker tracker = new RecordTracker(segmentSize, page, Expects.PAGE_HEADER);
        tracker.atFirstPage = true;
        return tracker;
    }

    /**
     * A tracker that is fed from where a record starts, that is from where the one before it ended: {@link #lastRecordEnd()}
     * is this position at first.
     *
     * @throws IllegalArgumentException if no record can start or end at {@code boundary}
     */
    public static RecordTracker atRecord(SegmentSize segmentSize, Lsn boundary) {
        PageRules.requireBoundary(segmentSize, boundary);
        boolean beginsPage = (boundary.value() & PAGE_SIZE - 1) == 0;
        RecordTracker tracker =
                new RecordTracker(segmentSize, boundary, beginsPage ? Expects.PAGE_HEADER : Expects.RECORD_HEADER);
        tracker.recordStart = boundary.value();
        tracker.lastRecordEnd = boundary.value();
        return tracker;
    }

    /** The end of the last record that was fed whole; {@link Lsn#INVALID} before the first. */
    public Lsn lastRecordEnd() {
        return new Lsn(lastRecordEnd);
    }

    /** The position of the byte that must be fed next; after a fault, how far the flaw was read into. */
    public Lsn position() {
        return new Lsn(position);
    }

    /** Why the fed bytes cannot be WAL; empty while they can. */
    public Optional<Flaw> fault() {
        return Optional.ofNullable(fault);
    }

    /** Takes the readable bytes of {@code wal}, which follow those fed before; its indices are not moved. */
    public void feed(ByteBuf wal) {
        feed(wal, wal.readerIndex(), wal.readableBytes());
    }

    /** Takes {@code length} bytes of {@code wal} from {@code index} on, which follow those fed before. */
    public void feed(ByteBuf wal, int index, int length) {
        int end = index + length;
        int at = index;
        while (at < end) {
            int taken =
                    switch (expects) {
                        case PAGE_HEADER -> takePageHeader(wal, at, end);
                        case RECORD_HEADER -> recordHeaderLength == 0 ? takeRecords(wal, at, end) : takeRecordHeader(wal, at, end);
                        case RECORD_BODY -> takeBody(at, end);
                        case SEGMENT_END -> takeToSegmentEnd(at, end);
                        case NOTHING -> end - at;
                    };
            at += taken;
        }
    }

    private int takePageHeader(ByteBuf wal, int at, int end) {
        int size = pageHeaderLength < PageHeader.SHORT_SIZE ? PageHeader.SHORT_SIZE : PageHeader.LONG_SIZE;
        int taken = Math.min(size - pageHeaderLength, end - at);
        wal.getBytes(at, pageHeader, pageHeaderLength, taken);
        pageHeaderLength += taken;
        position += taken;
        if (pageHeaderLength == PageHeader.sizeFor(PageHeader.info(pageHeader, 0)) && pageHeaderLength >= PageHeader.SHORT_SIZE) {
            pageHeaderLength = 0;
            enterPage(position - PageHeader.sizeFor(PageHeader.info(pageHeader, 0)));
        }
        return taken;
    }

    private void enterPage(long page) {
        Flaw flaw = rules.check(pageHeader, 0, page);
        if (flaw == null) {
            flaw = joinRecord(page);
        }
        if (flaw != null) {
            fail(flaw);
        } else if (left > 0) {
            expects = Expects.RECORD_BODY;
        } else {
            expects = Expects.RECORD_HEADER;
            recordStart = recordHeaderLength == 0 ? position : recordStart;
        }
    }

    /** Fits what the page says about a record from before to what is known of it. */
    private @Nullable Flaw joinRecord(long page) {
        int info = PageHeader.info(pageHeader, 0);
        if (atFirstPage) {
            atFirstPage = false;
            return (info & PageHeader.FIRST_IS_CONTRECORD) == 0 ? null : adoptRecord(page);
        }
        if ((info & PageHeader.FIRST_IS_OVERWRITE_CONTRECORD) != 0) {
            left = 0;
            recordHeaderLength = 0;
            isSwitch = false;
        }
        int missing = recordHeaderLength > 0
                ? RecordHeader.totalLength(recordHeader, 0) - recordHeaderLength
                : left == 0 ? 0 : left - padding;
        return PageRules.checkContinuation(pageHeader, 0, page, missing);
    }

    /** Goes on with a record whose beginning was not fed. */
    private @Nullable Flaw adoptRecord(long page) {
        int remaining = PageHeader.remainingLength(pageHeader, 0);
        if (remaining <= 0 || remaining > RecordHeader.MAX_RECORD_LENGTH) {
            return new WalEnd.BadContinuation(new Lsn(page), remaining, 1);
        }
        left = RecordHeader.aligned(remaining);
        padding = left - remaining;
        return null;
    }

    /** The hot loop: as many records as lie whole in this page and in these bytes. */
    private int takeRecords(ByteBuf wal, int from, int end) {
        int room = Math.min(end - from, PAGE_SIZE - ((int) position & PAGE_SIZE - 1));
        int at = from;
        int limit = from + room;
        while (limit - at >= RecordHeader.SIZE) {
            int length = wal.getIntLE(at);
            if (length < RecordHeader.SIZE
                    || length > limit - at
                    || RecordHeader.aligned(length) > limit - at
                    || RecordHeader.isSwitch(wal.getUnsignedShortLE(at + RecordHeader.INFO_OFFSET))) {
                break;
            }
            at += RecordHeader.aligned(length);
        }
        if (at == from) {
            return takeRecordHeader(wal, at, end);
        }
        position += at - from;
        endRecord();
        return at - from;
    }

    /** The general case: a header that may be split by a page boundary or by the end of these bytes. */
    private int takeRecordHeader(ByteBuf wal, int at, int end) {
        int toPageEnd = PAGE_SIZE - ((int) position & PAGE_SIZE - 1);
        int taken = Math.min(Math.min(RecordHeader.SIZE - recordHeaderLength, toPageEnd), end - at);
        wal.getBytes(at, recordHeader, recordHeaderLength, taken);
        recordHeaderLength += taken;
        position += taken;
        if (recordHeaderLength >= Integer.BYTES && !RecordHeader.isPossibleLength(RecordHeader.totalLength(recordHeader, 0))) {
            int length = RecordHeader.totalLength(recordHeader, 0);
            Lsn start = new Lsn(recordStart);
            fail(length == 0 ? new WalEnd.ZeroLength(start) : new WalEnd.InvalidLength(start, length));
        } else if (recordHeaderLength == RecordHeader.SIZE) {
            beginBody();
        } else if (taken == toPageEnd) {
            expects = Expects.PAGE_HEADER;
        }
        return taken;
    }

    private void beginBody() {
        int length = RecordHeader.totalLength(recordHeader, 0);
        recordHeaderLength = 0;
        isSwitch = RecordHeader.isSwitch(RecordHeader.infoAndManager(recordHeader, 0));
        left = RecordHeader.aligned(length) - RecordHeader.SIZE;
        padding = RecordHeader.aligned(length) - length;
        goOnWithBody();
    }

    private int takeBody(int at, int end) {
        int taken = Math.min(Math.min(left, PAGE_SIZE - ((int) position & PAGE_SIZE - 1)), end - at);
        left -= taken;
        position += taken;
        goOnWithBody();
        return taken;
    }

    private void goOnWithBody() {
        if (left > 0) {
            expects = (position & PAGE_SIZE - 1) == 0 ? Expects.PAGE_HEADER : Expects.RECORD_BODY;
        } else if (isSwitch && segmentSize.offset(position()) != 0) {
            expects = Expects.SEGMENT_END;
        } else {
            endRecord();
        }
    }

    /** After a switch, the pages to the end of the segment may have headers or be all zeros: they are not looked at. */
    private int takeToSegmentEnd(int at, int end) {
        int toEnd = segmentSize.bytes() - segmentSize.offset(position());
        int taken = Math.min(toEnd, end - at);
        position += taken;
        if (taken == toEnd) {
            endRecord();
        }
        return taken;
    }

    private void endRecord() {
        lastRecordEnd = position;
        recordStart = position;
        isSwitch = false;
        expects = (position & PAGE_SIZE - 1) == 0 ? Expects.PAGE_HEADER : Expects.RECORD_HEADER;
    }

    private void fail(Flaw flaw) {
        fault = flaw;
        expects = Expects.NOTHING;
    }
}
