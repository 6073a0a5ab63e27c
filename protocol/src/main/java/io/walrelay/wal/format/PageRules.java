package io.walrelay.wal.format;

import static io.walrelay.wal.format.PageHeader.FIRST_IS_CONTRECORD;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalEnd.Flaw;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a page header must say at its place (PostgreSQL: xlogreader.c, XLogReaderValidatePageHeader). Remembers the magic
 * number of the first page, since one log is of one version. Not thread-safe; allocates nothing while pages are good.
 */
final class PageRules {

    private final SegmentSize segmentSize;
    private final @Nullable SystemId systemId;
    private final @Nullable TimelineHistory history;
    private int magic;
    private @Nullable WalVersion version;

    /** {@code systemId} and {@code history}: null when they are not to be checked. */
    PageRules(SegmentSize segmentSize, @Nullable SystemId systemId, @Nullable TimelineHistory history) {
        this.segmentSize = segmentSize;
        this.systemId = systemId;
        this.history = history;
    }

    /** What is wrong with the header at {@code offset}, as the header of the page at {@code at}; null when nothing is. */
    @Nullable Flaw check(byte[] bytes, int offset, long at) {
        int found = PageHeader.magic(bytes, offset);
        if (found != magic) {
            Optional<WalVersion> known = WalVersion.ofMagic(found);
            if (magic != 0 || known.isEmpty()) {
                return new WalEnd.UnknownMagic(new Lsn(at), found);
            }
            magic = found;
            version = known.get();
        }
        int info = PageHeader.info(bytes, offset);
        boolean isLong = (info & PageHeader.LONG_HEADER) != 0;
        boolean beginsSegment = (at & segmentSize.bytes() - 1) == 0;
        if ((info & ~PageHeader.ALL_FLAGS) != 0 || (beginsSegment && !isLong)) {
            return new WalEnd.BadPageFlags(new Lsn(at), info);
        }
        if (PageHeader.address(bytes, offset) != at) {
            return new WalEnd.WrongPageAddress(new Lsn(at), new Lsn(PageHeader.address(bytes, offset)));
        }
        Flaw flaw = isLong ? checkIdentification(bytes, offset, at) : null;
        return flaw == null && history != null ? checkTimeline(history, PageHeader.timeline(bytes, offset), at) : flaw;
    }

    /** Whose the pages are. Before the first good one there is none. */
    WalVersion version() {
        return Objects.requireNonNull(version, "no page was looked at");
    }

    private @Nullable Flaw checkIdentification(byte[] bytes, int offset, long at) {
        SystemId system = new SystemId(PageHeader.systemId(bytes, offset));
        if (systemId != null && !systemId.equals(system)) {
            return new WalEnd.ForeignSystem(new Lsn(at), system, systemId);
        }
        int segment = PageHeader.segmentSize(bytes, offset);
        if (segment != segmentSize.bytes()) {
            return new WalEnd.WrongSegmentSize(new Lsn(at), segment, segmentSize);
        }
        int block = PageHeader.blockSize(bytes, offset);
        return block == PageHeader.PAGE_SIZE ? null : new WalEnd.UnsupportedBlockSize(new Lsn(at), block);
    }

    /**
     * A page carries the timeline under which it was begun, so a page that a promotion cut in two, and all before it in the
     * copied segment, still carry the parent's (xlog.c, XLogInitNewTimeline); the first whole page after carries the child's.
     */
    private static @Nullable Flaw checkTimeline(TimelineHistory history, int found, long at) {
        TimelineId expected = history.timelineAt(new Lsn(at));
        return found == expected.value() ? null : new WalEnd.WrongTimeline(new Lsn(at), found, expected);
    }

    /**
     * What is wrong when the page at {@code at} must go on with {@code expected} bytes of a record (0: must start a new
     * one); null when nothing is. The caller has dealt with an overwritten record.
     */
    static @Nullable Flaw checkContinuation(byte[] bytes, int offset, long at, int expected) {
        boolean continues = (PageHeader.info(bytes, offset) & FIRST_IS_CONTRECORD) != 0;
        int found = continues ? PageHeader.remainingLength(bytes, offset) : 0;
        return found == expected && continues == (expected != 0) ? null : new WalEnd.BadContinuation(new Lsn(at), found, expected);
    }

    /**
     * Refuses a position where no record can start or end.
     *
     * @throws IllegalArgumentException if {@code boundary} is not a multiple of 8 or lies inside a page header
     */
    static void requireBoundary(SegmentSize segmentSize, Lsn boundary) {
        int inPage = (int) boundary.value() & PageHeader.PAGE_SIZE - 1;
        int header = segmentSize.offset(boundary) < PageHeader.PAGE_SIZE ? PageHeader.LONG_SIZE : PageHeader.SHORT_SIZE;
        if (inPage % 8 != 0 || (inPage != 0 && inPage < header)) {
            throw new IllegalArgumentException("no WAL record starts or ends at %s; expected a multiple of 8 outside page headers".formatted(boundary));
        }
    }
}
