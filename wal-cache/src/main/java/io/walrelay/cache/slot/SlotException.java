package io.walrelay.cache.slot;

import io.walrelay.protocol.message.Diagnostic;

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

    static SlotException tooMany(int limit) {
        return new SlotException(Diagnostic.error("53400", "all replication slots are in use")
                .withHint("the relay keeps at most %d slots; drop one that nobody needs".formatted(limit)));
    }
}
