package io.walrelay.proxy.upstream;

import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.conninfo.TargetSessionAttrs;
import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.proxy.upstream.UpstreamSnapshot.OnDivergence;
import io.walrelay.proxy.upstream.UpstreamSnapshot.Own;
import io.walrelay.wal.Lsn;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/** All that is known for the choice of an upstream, from one look to the next. It decides nothing. Confined to the control thread. */
final class UpstreamView {

    private final RelayState relay;
    private final LinkStatus status;
    private final UpstreamHosts hosts;
    private final UpstreamHosts.Errand errand;
    private final TargetSessionAttrs attrs;
    private final OnDivergence onDivergence;
    private final DivergedHosts diverged = new DivergedHosts();
    private final Optional<HintWatch> hints;
    private HostInUse inUse = HostInUse.NONE;
    /** What the hint named when an order was carried out. */
    private Hint overruled = new Hint.None();

    UpstreamView(
            RelayState relay,
            LinkStatus status,
            UpstreamHosts hosts,
            UpstreamHosts.Errand errand,
            Optional<HintWatch> hints,
            TargetSessionAttrs attrs,
            OnDivergence onDivergence) {
        this.hints = hints;
        this.relay = relay;
        this.status = status;
        this.hosts = hosts;
        this.errand = errand;
        this.attrs = attrs;
        this.onDivergence = onDivergence;
    }

    /**
     * Asks the hosts; empty when {@code cut} completed before they had answered.
     *
     * @param streaming the host that streams to us now: it answers, also when it has no room for another session
     */
    Optional<UpstreamSnapshot> look(Optional<FollowOrder> order, Optional<HostReport.Reachable> streaming, CompletableFuture<?> cut)
            throws InterruptedException {
        Optional<Own> own = relay.cache().map(this::own);
        hints.ifPresent(HintWatch::ask);
        Hint before = hints.map(HintWatch::known).orElse(new Hint.None());
        List<HostAddress> others = Stream.of(inUse.host(), before.named()).flatMap(Optional::stream).toList();
        Optional<List<HostReport>> reports = hosts.ask(order, others, errand, cut);
        return reports.map(answers -> {
            List<HostReport> seen = answers.stream().map(report -> proved(report, streaming, own)).toList();
            inUse = inUse.seen(seen);
            if (streaming.isEmpty()) {
                inUse = inUse.lost(seen);
            }
            return new UpstreamSnapshot(own, order, hint(seen), inUse, seen, diverged.among(seen), attrs, onDivergence);
        });
    }

    /** A hint that an order has overruled counts again once it names another host, or the one in use is lost. */
    private Hint hint(List<HostReport> seen) {
        Hint hint = hints.map(h -> h.take(host -> seen.stream().anyMatch(report -> report.host().equals(host)))).orElse(new Hint.None());
        if (hint instanceof Hint.Names && !hint.equals(overruled)) {
            overruled = new Hint.None();
        }
        boolean leadsAway = hint instanceof Hint.Names(var host) && inUse.host().filter(used -> !used.equals(host)).isPresent();
        return leadsAway && hint.equals(overruled) ? new Hint.Silent("walrelay follow has overruled it") : hint;
    }

    /** Whether the hint has something to say that no look has considered. */
    boolean hasNews() {
        return hints.map(HintWatch::news).orElse(false);
    }

    private static HostReport proved(HostReport report, Optional<HostReport.Reachable> streaming, Optional<Own> own) {
        Optional<HostReport.Reachable> known = streaming.filter(s -> report instanceof HostReport.Unreachable && s.host().equals(report.host()));
        return known.<HostReport>map(s -> own.map(s::provedBy).orElse(s)).orElse(report);
    }

    private Own own(WalCache cache) {
        EndOfWal end = cache.end();
        Lsn acknowledged = cache.writer().lastRecordBefore(status.acknowledged());
        return new Own(cache.system(), cache.segmentSize(), end.lineage(), end.written(), Lsn.min(acknowledged, end.written()));
    }

    /** What {@code host} said in the last look; empty when it said nothing. */
    Optional<HostProbe> probe(HostAddress host) {
        return hosts.probe(host);
    }

    void streaming(HostReport.Reachable from) {
        inUse = inUse.streaming(from);
    }

    void instead(HostAddress other) {
        inUse = inUse.instead(other);
    }

    void ordered() {
        inUse = inUse.ordered();
        overruled = hints.map(HintWatch::known).orElse(new Hint.None());
    }

    void diverged(HostReport.Reachable host, Stop stop) {
        diverged.remember(host, stop);
    }
}
