package io.walrelay.proxy.upstream;

import io.netty.channel.EventLoopGroup;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.state.FollowOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the hosts what they are, all at one time, so that one that is dead delays the answers of the others once and no more. Confined to
 * the control thread; each host is asked on a thread of its own.
 */
final class UpstreamHosts implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(UpstreamHosts.class);

    /** What to do on a host after it has answered, while the session with it is open. Nobody waits for it. One at a time on each host. */
    interface Errand {
        void run(UpstreamConnection connection, HostProbe probe) throws UpstreamException, InterruptedException;
    }

    /** What a host said, or why it said nothing. */
    private sealed interface Answer {
        record Said(HostProbe probe) implements Answer {}

        record Nothing(String reason) implements Answer {}
    }

    private record Asked(CompletableFuture<Answer> answer, Future<?> task) {}

    private final UpstreamDialer dialer;
    private final EventLoopGroup group;
    private final List<HostAddress> named;
    private final Duration limit;
    private final ExecutorService threads =
            Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("upstream-host-", 0).factory());
    private final Set<HostAddress> onErrand = ConcurrentHashMap.newKeySet();
    private final Map<HostAddress, HostReport.LastSeen> lastSeen = new HashMap<>();
    private final Map<HostAddress, HostProbe> probes = new HashMap<>();

    UpstreamHosts(UpstreamDialer dialer, EventLoopGroup group, List<HostAddress> named, LinkTiming timing) {
        this.dialer = dialer;
        this.group = group;
        this.named = List.copyOf(named);
        this.limit = dialer.timeout().plus(timing.answer());
    }

    /**
     * Reports of the hosts of the connection string in its order, then of {@code others}, and of the one that {@code order} names besides.
     *
     * @param cut when it completes before all have answered, nobody needs the answers any more
     * @return empty when it was cut
     */
    Optional<List<HostReport>> ask(Optional<FollowOrder> order, List<HostAddress> others, Errand errand, CompletableFuture<?> cut)
            throws InterruptedException {
        Set<HostAddress> hosts = new LinkedHashSet<>(named);
        hosts.addAll(others);
        order.flatMap(this::besides).ifPresent(hosts::add);
        Map<HostAddress, Asked> asked = new LinkedHashMap<>();
        hosts.forEach(host -> asked.put(host, begin(host, errand)));
        CompletableFuture<?> all =
                CompletableFuture.allOf(asked.values().stream().map(Asked::answer).toArray(CompletableFuture<?>[]::new));
        try {
            CompletableFuture.anyOf(all, cut).get(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            log.debug("not all hosts have answered", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("answers are values", e);
        }
        boolean whole = all.isDone() || !cut.isDone();
        asked.values().stream().filter(a -> !a.answer.isDone()).forEach(a -> a.task.cancel(true));
        return whole ? Optional.of(reports(asked)) : Optional.empty();
    }

    private List<HostReport> reports(Map<HostAddress, Asked> asked) {
        Answer none = new Answer.Nothing("no answer within %d s".formatted(limit.toSeconds()));
        probes.clear();
        List<HostReport> reports = new ArrayList<>();
        asked.forEach((host, a) -> reports.add(switch (a.answer.getNow(none)) {
            case Answer.Said(var probe) -> {
                probes.put(host, probe);
                lastSeen.put(host, probe.report().inRecovery() ? HostReport.LastSeen.STANDBY : HostReport.LastSeen.PRIMARY);
                yield probe.report();
            }
            case Answer.Nothing(var reason) ->
                new HostReport.Unreachable(host, reason, lastSeen.getOrDefault(host, HostReport.LastSeen.NEVER));
        }));
        return reports;
    }

    /** A host that the operator named and the connection string does not. */
    private Optional<HostAddress> besides(FollowOrder order) {
        return switch (order) {
            case FollowOrder.Host host when named.stream().noneMatch(host::names) ->
                Optional.of(HostAddress.of(host.host(), host.port().orElse(HostAddress.DEFAULT_PORT)));
            case FollowOrder.Host _, FollowOrder.Timeline _ -> Optional.empty();
        };
    }

    private Asked begin(HostAddress host, Errand errand) {
        CompletableFuture<Answer> answer = new CompletableFuture<>();
        return new Asked(answer, threads.submit(() -> ask(host, errand, answer)));
    }

    private void ask(HostAddress host, Errand errand, CompletableFuture<Answer> answer) {
        try (UpstreamConnection connection = dialer.connect(host, SessionKind.PHYSICAL_REPLICATION, group)) {
            HostProbe probe = HostProbe.of(connection);
            answer.complete(new Answer.Said(probe));
            if (onErrand.add(host)) {
                try {
                    errand.run(connection, probe);
                } finally {
                    onErrand.remove(host);
                }
            }
        } catch (UpstreamException e) {
            if (!answer.complete(new Answer.Nothing(e.reason()))) {
                log.debug("{}: {}", host, e.reason());
            }
        } catch (InterruptedException e) {
            // Nobody waits for it any more.
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            log.error("{}: could not be asked", host, e);
            answer.complete(new Answer.Nothing("it could not be asked: " + e));
        }
    }

    /** What {@code host} said in the last round that was not cut; empty when it said nothing. */
    Optional<HostProbe> probe(HostAddress host) {
        return Optional.ofNullable(probes.get(host));
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
