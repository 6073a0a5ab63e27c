package io.walrelay.proxy.upstream;

import io.walrelay.cache.DiskFullException;
import io.walrelay.cache.Orphan;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.upstream.UpstreamDecision.Follow;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Puts the cache on another timeline, and says what that costs. Confined to the control thread; the work is done on the WAL writer thread. */
final class LineageSwitch {

    private static final Logger log = LoggerFactory.getLogger(LineageSwitch.class);

    private static final String ACKNOWLEDGED_ORPHANED = "acknowledged-orphaned";

    private final RelayState relay;
    private final LinkStatus status;
    private final WalWriterThread writer;
    private final Consumer<IOException> fatal;

    LineageSwitch(RelayState relay, LinkStatus status, WalWriterThread writer, Consumer<IOException> fatal) {
        this.relay = relay;
        this.status = status;
        this.writer = writer;
        this.fatal = fatal;
    }

    /** To the part of the host's lineage where the stream will begin. */
    void goTo(WalCache cache, Follow follow, UpstreamConnection connection, boolean ordered) throws IOException, InterruptedException {
        if (follow.from().isEmpty()) {
            return;
        }
        TimelineHistory target = follow.lineage().upTo(follow.startTimeline());
        TimelineHistory own = cache.end().lineage();
        if (follow.orphan().isPresent() || !own.id().equals(target.id())) {
            byte[] file = target.ancestors().isEmpty() ? new byte[0] : HostProbe.history(connection, target.timeline());
            change(cache, target, file, ordered);
        }
    }

    /** To the timeline that the stream goes on with. */
    void goOn(WalCache cache, UpstreamConnection connection, TimelineId timeline) throws IOException, InterruptedException {
        byte[] file = HostProbe.history(connection, timeline);
        change(cache, HostProbe.parse(timeline, file), file, false);
    }

    private void change(WalCache cache, TimelineHistory next, byte[] file, boolean ordered) throws IOException, InterruptedException {
        TimelineId before = cache.end().lineage().timeline();
        Optional<Orphan> orphan = writer.call(() -> {
            Optional<Orphan> left = cache.follow(next, file, cache.writer().lastRecordBefore(status.acknowledged()));
            status.acknowledged(Lsn.min(status.acknowledged(), cache.end().acknowledgeable()));
            relay.walAdvanced();
            return left;
        });
        relay.events().info("timeline", "goes on with timeline %s after %s at %s".formatted(next.timeline(), before, cache.end().written()));
        orphan.ifPresent(o -> {
            String text = "WAL from %s to %s of timeline %s is an orphan: timeline %s forked before it"
                    .formatted(o.fork(), o.end(), o.lineage().timeline(), next.timeline());
            if (o.acknowledged()) {
                relay.events().error(ACKNOWLEDGED_ORPHANED, text + "; upstream had been told that it was safe, so commits may be lost");
            } else {
                relay.events().warning("fork", text);
            }
        });
        if (!ordered) {
            alarm(cache);
        }
        warnOfTaken(cache);
    }

    /** A promotion takes the first number whose history file it can't find (timeline.c, findNewestTimeLine), and an orphan's is not shown to standbys. */
    private void warnOfTaken(WalCache cache) {
        TimelineId own = cache.end().lineage().timeline();
        cache.orphans().stream().map(Orphan::lineage).filter(orphan -> orphan.timeline().compareTo(own) > 0).forEach(orphan -> relay.events().warning(
                "timeline-taken",
                ("timeline %s is an orphan's, %s: the next promotion will take its number again. The relay and its archive keep the two apart;"
                                + " an archive_command that copies files by their names does not")
                        .formatted(orphan.timeline(), orphan.id())));
    }

    /** Lost acknowledged WAL is never quiet: not ready, also after a restart, until an operator has said which side is right. */
    void alarm(WalCache cache) {
        cache.orphans().stream().filter(Orphan::alarming).reduce((_, newest) -> newest).ifPresent(o -> relay.setNotReady(
                ACKNOWLEDGED_ORPHANED,
                "acknowledged WAL from %s to %s of timeline %s is an orphan, so commits may be lost; if that is accepted: walrelay follow with the host that is in use"
                        .formatted(o.fork(), o.end(), o.lineage().timeline())));
    }

    /** The operator ordered what is followed now. That is kept when this returns: a relay that is ready has nothing left to forget. */
    void acceptOrphans(WalCache cache) throws InterruptedException {
        try {
            var _ = writer.call(() -> {
                cache.acceptOrphans();
                return true;
            });
            relay.clearNotReady(ACKNOWLEDGED_ORPHANED);
        } catch (DiskFullException e) {
            relay.events().error(ACKNOWLEDGED_ORPHANED, "that it is accepted could not be kept, so it has to be said again: " + e.getMessage());
            alarm(cache);
        } catch (IOException e) {
            fatal.accept(e);
        }
    }

    /** Histories of the timelines on the way that are not held yet: standbys ask for all of them. */
    void keepHistories(WalCache cache, UpstreamConnection connection) throws IOException, InterruptedException {
        TimelineHistory lineage = cache.end().lineage();
        for (int i = 0; i <= lineage.ancestors().size(); i++) {
            TimelineId timeline = i < lineage.ancestors().size() ? lineage.ancestors().get(i).timeline() : lineage.timeline();
            boolean hasHistory = !lineage.upTo(timeline).ancestors().isEmpty();
            if (hasHistory && cache.history(timeline).isEmpty()) {
                try {
                    cache.storeHistory(timeline, HostProbe.history(connection, timeline));
                } catch (UpstreamException e) {
                    if (e.diagnostic().isEmpty()) {
                        throw e;
                    }
                    log.warn("{}: no history of timeline {}: {}", connection.host(), timeline, e.reason());
                }
            }
        }
    }
}
