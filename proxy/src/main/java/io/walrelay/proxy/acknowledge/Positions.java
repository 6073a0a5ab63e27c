package io.walrelay.proxy.acknowledge;

import io.walrelay.wal.Lsn;
import java.util.function.BinaryOperator;

/**
 * How far somebody is, as a standby reports it: the first byte not yet written, flushed, applied (walreceiver.c, XLogWalRcvSendReply).
 * {@link Lsn#INVALID} where nothing is known, which comes before every position.
 */
public record Positions(Lsn write, Lsn flush, Lsn apply) {

    public static final Positions NONE = new Positions(Lsn.INVALID, Lsn.INVALID, Lsn.INVALID);

    /** What a commit may wait for (syncrep.h, SYNC_REP_WAIT_WRITE and its like). */
    public enum Stage {
        WRITE("written"),
        FLUSH("flushed"),
        APPLY("replayed");

        private final String done;

        Stage(String done) {
            this.done = done;
        }

        /** What of a commit that waits {@code synchronous_commit} speaks; off and local wait for nobody, but a session may say something else. */
        public static Stage of(String synchronousCommit) {
            return switch (synchronousCommit) {
                case "remote_write" -> WRITE;
                case "remote_apply" -> APPLY;
                default -> FLUSH;
            };
        }

        /** As a sentence has it: a standby has written, flushed or replayed. */
        public String done() {
            return done;
        }
    }

    public Lsn at(Stage stage) {
        return switch (stage) {
            case WRITE -> write;
            case FLUSH -> flush;
            case APPLY -> apply;
        };
    }

    /** The lesser in each respect. */
    public static Positions min(Positions a, Positions b) {
        return combine(a, b, Lsn::min);
    }

    /** The greater in each respect. */
    public static Positions max(Positions a, Positions b) {
        return combine(a, b, Lsn::max);
    }

    private static Positions combine(Positions a, Positions b, BinaryOperator<Lsn> each) {
        return new Positions(each.apply(a.write, b.write), each.apply(a.flush, b.flush), each.apply(a.apply, b.apply));
    }

    /** No further than {@code limit} in any respect. */
    public Positions atMost(Lsn limit) {
        return min(this, new Positions(limit, limit, limit));
    }

    /** Whether it is further in any respect. */
    public boolean isAheadOf(Positions other) {
        return write.isAfter(other.write) || flush.isAfter(other.flush) || apply.isAfter(other.apply);
    }
}
