package io.walrelay.rewind.datadir;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.format.PageHeader;

/** Where records of the log end. */
public final class RecordEnd {

    private RecordEnd() {}

    /**
     * Where the last record ends when the next will begin at {@code insert}. At the beginning of a page that is behind the page's header: a
     * position that no replay reaches before there is another record, for which an idle server may let it wait for ever.
     */
    public static Lsn before(Lsn insert, SegmentSize size) {
        int header = size.offset(insert) < PageHeader.PAGE_SIZE ? PageHeader.LONG_SIZE : PageHeader.SHORT_SIZE;
        int inPage = (int) (insert.value() & PageHeader.PAGE_SIZE - 1);
        return inPage <= header ? insert.plus(-inPage) : insert;
    }
}
