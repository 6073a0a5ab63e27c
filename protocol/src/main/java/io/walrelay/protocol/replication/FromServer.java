package io.walrelay.protocol.replication;

import io.netty.buffer.ByteBuf;
import io.walrelay.wal.Lsn;

/** The two bodies that a walsender puts into CopyData (walsender.c). Times are microseconds since 2000-01-01 00:00 UTC. */
public sealed interface FromServer {

    /**
     * A piece of WAL, type byte {@code w}.
     *
     * @param start position of the first byte of {@code wal}
     * @param end the sender's end of WAL, which may lie past the bytes of this message
     * @param wal the bytes; owns one reference, a slice of the buffer that came from the wire, never a copy
     */
    record XLogData(Lsn start, Lsn end, long sendTime, ByteBuf wal) implements FromServer {}

    /** Type byte {@code k}. */
    record PrimaryKeepalive(Lsn end, long sendTime, boolean replyRequested) implements FromServer {}
}
