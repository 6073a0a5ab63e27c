package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.Conninfo;
import io.netty.channel.EventLoopGroup;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import io.walrelay.proxy.config.UpstreamSettings.Start;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Begins a relay with a new data directory, always at the beginning of a segment. Confined to the control thread. */
final class NewFolder {

    private static final Logger log = LoggerFactory.getLogger(NewFolder.class);

    private final Conninfo conninfo;
    private final UpstreamDialer dialer;
    private final EventLoopGroup group;
    private final WalProbe wal;
    private final SlotKeeper slots;
    private final Start start;
    private final Tiers tiers;

    NewFolder(
            Conninfo conninfo,
            UpstreamDialer dialer,
            EventLoopGroup group,
            WalProbe wal,
            SlotKeeper slots,
            Start start,
            Tiers tiers) {
        this.start = start;
        this.tiers = tiers;
        this.conninfo = conninfo;
        this.dialer = dialer;
        this.group = group;
        this.wal = wal;
        this.slots = slots;
    }

    /**
     * Begins with the WAL of the host of {@code probe}, and hands it to {@code relay}.
     *
     * @throws UpstreamException when upstream has no such WAL any more
     */
    WalCache begin(UpstreamConnection connection, HostProbe probe, WalWriterThread writer, RelayState relay) throws IOException, InterruptedException {
        HostReport.Reachable host = probe.report();
        Lsn at = find(connection, probe);
        TimelineHistory lineage = host.history().upTo(host.history().timelineAt(at));
        WalCache cache = writer.call(() -> WalCache.create(tiers, host.system(), host.segmentSize(), lineage, at));
        relay.open(cache);
        relay.events().info("new-folder", "begins with WAL at %s on timeline %s of %s".formatted(at, lineage.timeline(), connection.host()));
        return cache;
    }

    /** The slot was made before, so what is found stays there. */
    private Lsn find(UpstreamConnection connection, HostProbe probe) throws UpstreamException, InterruptedException {
        HostReport.Reachable host = probe.report();
        SegmentSize size = host.segmentSize();
        return switch (start) {
            case Start.Slot() -> size.startOf(restartLsn(connection).orElse(host.flushed()));
            case Start.Oldest() -> wal.oldest(host.host(), host.history(), size, Lsn.INVALID, host.flushed())
                    .orElseThrow(() -> new UpstreamException("upstream.start is oldest, but no WAL up to %s can be read".formatted(host.flushed())));
            case Start.At(var lsn) -> {
                Lsn begin = size.startOf(lsn);
                if (lsn.isAfter(host.flushed()) || !wal.has(host.host(), host.history(), begin)) {
                    throw new UpstreamException("upstream.start is %s, but WAL from %s is not there; its end is %s".formatted(lsn, begin, host.flushed()));
                }
                yield begin;
            }
        };
    }

    /** Servers before 15 tell a slot's position by SQL only, which needs dbname and a line for it in pg_hba.conf: else it is not known. */
    private Optional<Lsn> restartLsn(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        Optional<Lsn> told = slots.restartLsn(connection);
        if (told.isPresent() || conninfo.database().isEmpty()) {
            return told;
        }
        try (UpstreamConnection sql = dialer.connect(connection.host(), SessionKind.ORDINARY, group)) {
            // The name has letters, digits and underscores only, or upstream would not have made the slot.
            String query = "SELECT restart_lsn FROM pg_catalog.pg_replication_slots WHERE slot_name = '%s'".formatted(slots.name().replace("'", "''"));
            return Optional.of(Lsn.parse(sql.askOne(new ReplicationCommand.Sql(query))));
        } catch (UpstreamException | IllegalArgumentException e) {
            log.info("{}: the slot's restart_lsn is not known, so the relay begins with the segment that is written now: {}", connection.host(), e.getMessage());
            return Optional.empty();
        }
    }
}
