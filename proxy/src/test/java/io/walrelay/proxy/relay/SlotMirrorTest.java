package io.walrelay.proxy.relay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.FailoverSlots;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.slotsync.Nap;
import io.walrelay.proxy.slotsync.SlotQuestion;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Looks that fail at once: upstream is pg1, and conninfo names another host. */
class SlotMirrorTest {

    private static final Duration SOON = Duration.ofSeconds(10);

    @TempDir
    private Path directory;

    /** Asked once for each look, and once for each event. */
    private final class CountingClock extends Clock {
        @Override
        public Instant instant() {
            looks.incrementAndGet();
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }

    private final AtomicInteger looks = new AtomicInteger();
    private volatile Instant now = KnownRelay.NOW;
    private final RelayState state = new RelayState(new CountingClock(), KnownRelay.upstream(UpstreamStatus.State.STREAMING, Optional.empty()));

    private void learn(String version) {
        state.learn(new UpstreamFacts(new SystemId(7), new SegmentSize(1 << 20), Map.of(), Map.of("server_version_num", version)));
    }

    private void ask() {
        state.slotSync().ask(new SlotQuestion("a"), true, KnownRelay.NOW, _ -> {});
    }

    private String problem() {
        return state.slotSync().lastLook().flatMap(SlotSync.Look::problem).orElse("");
    }

    @Test
    void whateverGoesWrongItLooksAgain() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory);
                SlotMirror mirror = new SlotMirror(state, Conninfo.parse("host=pg2 user=walrelay", Map.of()))) {
            state.open(relay.state().cache().orElseThrow());
            learn("18devel");
            mirror.start();
            Await.until("the look that fails", SOON, this::problem, problem -> problem.contains("18devel"));
            learn("180001");
            ask();
            Await.until("another look", SOON, this::problem, problem -> problem.contains("pg1:5432 is not among the hosts of upstream.conninfo"));
        }
    }

    /** A role that may not use SQL any more must not fill the relay's disk, nor stop it with cache.on-full: hold-upstream. */
    @Test
    void slotsThatCanNotBeReadForTooLongAreGivenUp() throws Exception {
        CacheSettings settings = new CacheSettings(
                1 << 20, 1L << 30, Duration.ofHours(1), new SlotLimits(1L << 30, Map.of(), Optional.of(Duration.ofDays(7))), true);
        TimelineHistory lineage = TimelineHistory.root(TimelineId.of(1));
        FailoverSlot sub = new FailoverSlot("sub", "pgoutput", "shop", false, new Lsn(1 << 20), new Lsn(1 << 20), 700, Optional.empty());
        try (WalCache cache = WalCache.create(Tiers.local(new PosixStorage(directory), settings), new SystemId(7), new SegmentSize(1 << 20), lineage, new Lsn(1 << 20));
                SlotMirror mirror = new SlotMirror(state, Conninfo.parse("host=pg2 user=walrelay", Map.of()))) {
            cache.failoverSlots().see(new FailoverSlots.Seen(lineage, List.of(sub)));
            state.open(cache);
            learn("180001");
            mirror.start();
            Await.until("the first look", SOON, this::problem, problem -> !problem.isEmpty());
            now = KnownRelay.NOW.plus(Duration.ofDays(7)).minusSeconds(1);
            ask();
            Await.until("another look", SOON, () -> state.slotSync().lastLook().map(SlotSync.Look::at), Optional.of(now)::equals);
            assertEquals(List.of(sub), cache.failoverSlots().all());
            now = KnownRelay.NOW.plus(Duration.ofDays(7));
            ask();
            Await.until("it to be given up", SOON, cache.failoverSlots()::all, List::isEmpty);
            Await.until("the event", SOON, () -> state.events().recent().toString(), events -> events.contains("WAL is kept for \"sub\" no longer"));
        }
    }

    @Test
    void standbysThatAskOftenMakeItLookNoMoreOften() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory);
                SlotMirror mirror = new SlotMirror(state, Conninfo.parse("host=pg2 user=walrelay", Map.of()))) {
            state.open(relay.state().cache().orElseThrow());
            learn("180001");
            ask();
            mirror.start();
            Await.until("the first look", SOON, this::problem, problem -> !problem.isEmpty());
            int before = looks.get();
            long begin = System.nanoTime();
            Await.until(
                    "more looks",
                    SOON,
                    () -> {
                        ask();
                        return looks.get() - before;
                    },
                    more -> more >= 4);
            // One of them may be the event of the first look, and the first may have been over for a while.
            Duration took = Duration.ofNanos(System.nanoTime() - begin);
            assertTrue(took.compareTo(Nap.SHORTEST.multipliedBy(2)) >= 0, took::toString);
        }
    }
}
