package io.walrelay.cache.slot;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.wal.Lsn;

/** A slot command that can't be carried out, in PostgreSQL's words and with its code (slot.c). */
public final class SlotException extends Exception {

    private static final long serialVersionUID = 1;

    private final transient Diagnostic diagnostic;

    SlotException(Diagnostic diagnostic) {
        super(diagnostic.toString());
        this.diagnostic = diagnostic;
    }

    public Diagnostic diagnostic() {
        return diagnostic;
    }

    static SlotException exists(String name) {
        return new SlotException(Diagnostic.error("42710", "replication slot \"%s\" already exists".formatted(name)));
    }

    static SlotException missing(String name) {
        return new SlotException(Diagnostic.error("42704", "replication slot \"%s\" does not exist".formatted(name)));
    }

    static SlotException active(String name, int pid) {
        return new SlotException(Diagnostic.error("55006", "replication slot \"%s\" is active for PID %d".formatted(name, pid)));
    }

    static SlotException lost(String name) {
        return new SlotException(Diagnostic.error("55000", "can no longer get changes from replication slot \"%s\"".formatted(name))
                .withDetail("WAL that this slot needs was freed: it held more than it may, or nobody used it for too long.")
                .withHint("drop it and create it anew, then give the standby a new base backup or WAL from an archive"));
    }

    /** slotfuncs.c, copy_replication_slot. */
    public static SlotException copyOfLost(String source) {
        return new SlotException(Diagnostic.error("55000", "cannot copy invalidated replication slot \"%s\"".formatted(source)));
    }

    static SlotException copyOfUnreserved() {
        return new SlotException(Diagnostic.error("55000", "cannot copy a replication slot that doesn't reserve WAL"));
    }

    /** slotfuncs.c, pg_replication_slot_advance. */
    static SlotException neverReserved(String name) {
        return new SlotException(Diagnostic.error("55000", "replication slot \"%s\" cannot be advanced".formatted(name))
                .withDetail("This slot has never previously reserved WAL, or it has been invalidated."));
    }

    static SlotException backwards(Lsn to, Lsn least) {
        return new SlotException(Diagnostic.error("55000", "cannot advance replication slot to %s, minimum is %s".formatted(to, least)));
    }

    /** PostgreSQL gives no code of its own, which is an internal error's. */
    static SlotException nowhere() {
        return new SlotException(Diagnostic.error("XX000", "invalid target WAL LSN"));
    }

    static SlotException tooMany(int limit) {
        return new SlotException(Diagnostic.error("53400", "all replication slots are in use")
                .withHint("the relay keeps at most %d slots; drop one that nobody needs".formatted(limit)));
    }
}
