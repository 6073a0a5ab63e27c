package io.walrelay.proxy.state;

import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.acknowledge.Acknowledging;
import io.walrelay.proxy.feedback.Feedback;
import io.walrelay.proxy.feedback.FeedbackLimits;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.slotsync.WaitsFor;
import io.walrelay.proxy.shaping.Shaping;
import io.walrelay.wal.Lsn;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The running relay as its parts see it: the upstream link writes it, standby sessions, HTTP and metrics read it.
 * Thread-safe.
 */
public final class RelayState {

    private final Clock clock;
    private final Events events;
    private final Acknowledging acknowledging;
    private final Standbys standbys = new Standbys();
    private final RefusedStandbys refused = new RefusedStandbys();
    private final Visits visits = new Visits();
    private final Admitted admitted = new Admitted();
    private final ForwardedTraffic forwarded = new ForwardedTraffic();
    private final SlotSync slotSync;
    private final Feedback feedback;
    private final AtomicReference<@Nullable WalCache> cache = new AtomicReference<>();
    private final AtomicReference<@Nullable UpstreamFacts> facts = new AtomicReference<>();
    private final AtomicReference<@Nullable UpstreamRelay> upstreamRelay = new AtomicReference<>();
    private final AtomicReference<@Nullable ArchiveWork> archiveWork = new AtomicReference<>();
    private final Map<String, PeerStatus> peers = new ConcurrentSkipListMap<>();
    private final AtomicReference<UpstreamStatus> upstream;
    private final AtomicReference<Shaping> shaping;
    private final Map<String, String> notReady = new LinkedHashMap<>();
    private final LongAdder received = new LongAdder();
    private final AtomicReference<@Nullable Lsn> acknowledgeBefore = new AtomicReference<>();
    private final AtomicBoolean upstreamWaits = new AtomicBoolean();
    private final WrittenTimes writtenTimes = new WrittenTimes();
    private final List<Consumer<WalCache>> openListeners = new CopyOnWriteArrayList<>();
    private final List<Runnable> walListeners = new CopyOnWriteArrayList<>();
    private final List<Consumer<String>> upstreamListeners = new CopyOnWriteArrayList<>();

    /** Of a relay that acknowledges what it has itself. */
    public RelayState(Clock clock, UpstreamStatus initial) {
        this(clock, initial, new AcknowledgePolicy.Own(), new SlotSync(WaitsFor.NOBODY, "walrelay"), FeedbackLimits.DEFAULT);
    }

    public RelayState(Clock clock, UpstreamStatus initial, AcknowledgePolicy policy, SlotSync slotSync, FeedbackLimits limits) {
        this.clock = clock;
        this.events = new Events(clock);
        this.acknowledging = new Acknowledging(policy);
        this.slotSync = slotSync;
        this.upstream = new AtomicReference<>(initial);
        this.feedback = new Feedback(limits, this::cache);
        this.shaping = new AtomicReference<>(Shaping.none(clock));
    }

    public Clock clock() {
        return clock;
    }

    public Events events() {
        return events;
    }

    /** What upstream may be told, and whom that waits for. */
    public Acknowledging acknowledging() {
        return acknowledging;
    }

    public Standbys standbys() {
        return standbys;
    }

    /** What standbys want kept on the primary. */
    public Feedback feedback() {
        return feedback;
    }

    /** Who was sent away. */
    public RefusedStandbys refused() {
        return refused;
    }

    /** Who came and did not ask for a stream. */
    public Visits visits() {
        return visits;
    }

    /** How many sessions there are, of which there may be only so many. */
    public Admitted admitted() {
        return admitted;
    }

    public ForwardedTraffic forwarded() {
        return forwarded;
    }

    /** Who synchronises slots through the relay, and what it is told. */
    public SlotSync slotSync() {
        return slotSync;
    }

    /** The WAL that is held; empty until an upstream was seen for the first time. Once there it stays. */
    public Optional<WalCache> cache() {
        return Optional.ofNullable(cache.get());
    }

    public void open(WalCache opened) {
        cache.set(opened);
        writtenTimes.written(opened.end().written(), System.nanoTime());
        openListeners.forEach(listener -> listener.accept(opened));
    }

    /** {@code listener} is given the WAL as soon as there is some, at once if there is; to be called before the link starts. */
    public void whenOpen(Consumer<WalCache> listener) {
        openListeners.add(listener);
        cache().ifPresent(listener);
    }

    /** Empty while there is no archive, or no WAL. */
    public Optional<ArchiveWork> archiveWork() {
        return Optional.ofNullable(archiveWork.get());
    }

    public void setArchiveWork(ArchiveWork work) {
        archiveWork.set(work);
    }

    /** How single standbys are held back. */
    public Shaping shaping() {
        return shaping.get();
    }

    /** To be called before anybody can ask. */
    public void setShaping(Shaping loaded) {
        shaping.set(loaded);
    }

    /** The relays beside this one, by URL; none unless the settings name some. */
    public List<PeerStatus> peers() {
        return List.copyOf(peers.values());
    }

    public void update(PeerStatus peer) {
        peers.put(peer.url(), peer);
    }

    public Optional<UpstreamFacts> facts() {
        return Optional.ofNullable(facts.get());
    }

    public void learn(UpstreamFacts learned) {
        facts.set(learned);
    }

    /** The host that is followed, as it said last, if it is a relay; empty when it is PostgreSQL. */
    public Optional<UpstreamRelay> upstreamRelay() {
        return Optional.ofNullable(upstreamRelay.get());
    }

    public void learn(Optional<UpstreamRelay> followed) {
        upstreamRelay.set(followed.orElse(null));
    }

    public UpstreamStatus upstream() {
        return upstream.get();
    }

    public void update(UpstreamStatus status) {
        Optional<String> before = upstream.getAndSet(status).streamingFrom();
        Optional<String> now = status.streamingFrom();
        if (!now.equals(before)) {
            now.ifPresent(host -> upstreamListeners.forEach(listener -> listener.accept(host)));
        }
    }

    /** {@code listener} is called, on a thread of the link, with the host whenever streaming from one has begun, the one before or another; it must not block. */
    public void onUpstream(Consumer<String> listener) {
        upstreamListeners.add(listener);
    }

    /** From {@code damaged} on nothing is to be acknowledged; with nothing, that holds no longer. */
    public void acknowledgeBefore(Optional<Lsn> damaged) {
        acknowledgeBefore.set(damaged.orElse(null));
    }

    /** Where WAL ends, as upstream may be told. */
    public EndOfWal reportable(WalCache held) {
        Lsn limit = acknowledgeBefore.get();
        return limit == null ? held.end() : held.end().acknowledgingAtMost(limit);
    }

    /** Whether commits upstream may wait for this relay: it is one of the synchronous standbys there, and streams. */
    public boolean upstreamWaits() {
        return upstreamWaits.get();
    }

    public void upstreamWaits(boolean now) {
        upstreamWaits.set(now);
    }

    /** That many bytes of WAL came from upstream; for the metrics. */
    public void countReceived(long bytes) {
        received.add(bytes);
    }

    /** Bytes of WAL that came from upstream since the start, those that came twice included. */
    public long receivedBytes() {
        return received.sum();
    }

    /** When the WAL that is held came, by System.nanoTime. */
    public WrittenTimes writtenTimes() {
        return writtenTimes;
    }

    /** Why the relay should not be sent standbys, by kind; empty when it is ready. */
    public Map<String, String> notReady() {
        synchronized (notReady) {
            return new LinkedHashMap<>(notReady);
        }
    }

    public void setNotReady(String kind, String reason) {
        synchronized (notReady) {
            notReady.put(kind, reason);
        }
    }

    public void clearNotReady(String kind) {
        synchronized (notReady) {
            notReady.remove(kind);
        }
    }

    /** {@code listener} is called on the WAL writer thread whenever the end of WAL or its timeline changed; it must only wake somebody. */
    public void onWal(Runnable listener) {
        walListeners.add(listener);
    }

    /** There is more WAL to read, or another timeline. */
    public void walAdvanced() {
        WalCache open = cache.get();
        if (open != null) {
            writtenTimes.written(open.end().written(), System.nanoTime());
        }
        walListeners.forEach(Runnable::run);
    }
}
