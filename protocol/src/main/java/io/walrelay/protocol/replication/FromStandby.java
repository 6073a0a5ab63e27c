package io.walrelay.protocol.replication;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;

/** The two bodies that a walreceiver puts into CopyData (walreceiver.c). Times are microseconds since 2000-01-01 00:00 UTC. */
public sealed interface FromStandby {

    /** Type byte {@code r}. Each position is the first byte not yet written, flushed, applied; {@link Lsn#INVALID} when not known. */
    record StandbyStatusUpdate(Lsn written, Lsn flushed, Lsn applied, long sendTime, boolean replyRequested)
            implements FromStandby {}

    /** Type byte {@code h}. Transaction ids are 32 bits with their epoch beside them; 0 and 0 withdraw the feedback. */
    record HotStandbyFeedback(long sendTime, int xmin, int xminEpoch, int catalogXmin, int catalogXminEpoch)
            implements FromStandby {

        public static HotStandbyFeedback of(Xmins held, long sendTime) {
            return new HotStandbyFeedback(
                    sendTime, held.xmin().xid(), held.xmin().epoch(), held.catalogXmin().xid(), held.catalogXmin().epoch());
        }

        /** What is to be kept. A number that is no transaction's asks for nothing, whatever its epoch. */
        public Xmins held() {
            return new Xmins(FullTransactionId.of(xminEpoch, xmin), FullTransactionId.of(catalogXminEpoch, catalogXmin));
        }
    }
}
