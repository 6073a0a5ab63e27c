package io.walrelay.cache;

import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.WalSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.Optional;

/** The log of one lineage as segment files hold it, for those who read records. */
final class HeldLog implements WalSource {

    private final SegmentFiles files;
    private final SegmentSize size;
    private final TimelineHistory lineage;
    private final Optional<Lsn> end;

    private HeldLog(SegmentFiles files, TimelineHistory lineage, Optional<Lsn> end) {
        this.files = files;
        this.size = files.size();
        this.lineage = lineage;
        this.end = end;
    }

    /** As far as the files go, which may be further than they were ever written. */
    static HeldLog whole(SegmentFiles files, TimelineHistory lineage) {
        return new HeldLog(files, lineage, Optional.empty());
    }

    /** As far as {@code end}. */
    HeldLog upTo(Lsn last) {
        return new HeldLog(files, lineage, Optional.of(last));
    }

    @Override
    public int read(Lsn at, ByteBuffer into) throws IOException {
        long room = Math.min(into.remaining(), size.bytes() - size.offset(at));
        if (end.isPresent()) {
            room = Math.min(room, at.isBefore(end.get()) ? end.get().minus(at) : 0);
        }
        Optional<SegmentId> id = files.locate(lineage, at);
        if (id.isEmpty() || room == 0) {
            return 0;
        }
        SegmentFile file;
        try {
            file = files.acquire(id.get());
        } catch (NoSuchFileException e) {
            return 0;
        }
        try {
            int n = file.read(into.slice(into.position(), (int) room), size.offset(at));
            into.position(into.position() + n);
            return n;
        } finally {
            file.release();
        }
    }
}
