package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/**
 * Whether two servers with one history are on one timeline. Two promotions at one point can take the same number; the first record of each
 * timeline then has its own time of day, and its own checksum.
 */
public final class SameNumber {

    /** What the bytes say. */
    public enum Answer {
        SAME,
        DIFFERENT,
        /** One of the two has them no more. */
        NOT_CHECKED
    }

    private SameNumber() {}

    /** Compares the first record of the newest timeline. */
    public static Answer check(WalIdentity identity, PgWal target, RewindSource source) throws IOException {
        Lsn begin = identity.history().begin();
        WalReader reader = WalReader.open(target, identity, begin);
        if (!reader.next()) {
            return Answer.NOT_CHECKED;
        }
        // Of a record that fills the rest of a segment, as a switch does, the beginning is enough.
        int length = (int) Math.min(reader.lastRecordEnd().minus(begin), identity.segmentSize().bytes() - identity.segmentSize().offset(begin));
        ByteBuffer ours = ByteBuffer.allocate(length);
        while (ours.hasRemaining() && target.read(begin.plus(ours.position()), ours) > 0) {
            // Until all is there.
        }
        SegmentId segment = SegmentId.at(identity.history().timeline(), begin, identity.segmentSize());
        String path = "pg_wal/" + new WalFileName.Segment(segment).fileName(identity.segmentSize());
        Optional<byte[]> theirs = source.read(path, identity.segmentSize().offset(begin), length);
        if (ours.hasRemaining() || theirs.isEmpty() || theirs.get().length < length) {
            return Answer.NOT_CHECKED;
        }
        return Arrays.equals(ours.array(), theirs.get()) ? Answer.SAME : Answer.DIFFERENT;
    }
}
