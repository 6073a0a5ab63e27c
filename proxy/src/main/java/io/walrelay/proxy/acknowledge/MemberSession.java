package io.walrelay.proxy.acknowledge;

import io.walrelay.wal.TimelineHistory;
import org.jspecify.annotations.Nullable;

/** A streaming session as the policy sees it; one of a standby that it does not name is none of its business. Confined to the session's event loop. */
public final class MemberSession {

    private final @Nullable Member member;
    private final int pid;
    private final boolean bySlot;
    private final Runnable news;

    /** @param news called when what may be acknowledged may have changed */
    MemberSession(@Nullable Member member, int pid, boolean bySlot, Runnable news) {
        this.member = member;
        this.pid = pid;
        this.bySlot = bySlot;
        this.news = news;
    }

    /** Whether the policy names its standby. */
    public boolean isNamed() {
        return member != null;
    }

    /** Whether it is a member's, and not by its slot: then nothing is known of the standby after a restart of the relay. */
    public boolean lacksSlot() {
        return isNamed() && !bySlot;
    }

    /**
     * The standby reports how far it is.
     *
     * @param lineage the history of the timeline that it is sent
     * @param caughtUp whether it was sent all that there was, once
     */
    public void confirmed(TimelineHistory lineage, boolean caughtUp, Positions positions) {
        Member named = member;
        if (named != null && named.confirmed(pid, bySlot, lineage, caughtUp, positions)) {
            news.run();
        }
    }

    /** The stream is over. What was confirmed stays known. */
    public void left() {
        Member named = member;
        if (named != null) {
            named.left(pid);
            news.run();
        }
    }
}
