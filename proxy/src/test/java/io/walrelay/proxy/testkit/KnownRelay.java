package io.walrelay.proxy.testkit;

import io.netty.buffer.Unpooled;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.DirectoryStore;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.proxy.shaping.Hold;
import io.walrelay.proxy.state.DelayCounts;
import io.walrelay.proxy.state.ProcessFacts;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.state.Waiting;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Optional;

/**
 * A relay's state of which everything is known, at one frozen moment. A slot may hold 16 kB.
 *
 * <pre>
 *   0/1000000     0/1008000          0/100C000         0/1010000           0/1011000
 *   began ─────── slot "b" ───────── standby "a" ───── written, flushed ── upstream's end
 * </pre>
 */
public final class KnownRelay implements AutoCloseable {

    public static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");
    public static final Lsn BEGAN = Lsn.parse("0/1000000");
    public static final Lsn WRITTEN = Lsn.parse("0/1010000");
    public static final ProcessFacts PROCESS = new ProcessFacts("0.1.0", NOW.minusSeconds(3_723), Optional.empty(), Optional.of("host=relay port=6433"), "host=relay port=6433");

    /** Of a relay that has sent nothing. */
    public static final DelayCounts NO_PACING = new DelayCounts() {
        @Override
        public int buckets() {
            return 1;
        }

        @Override
        public Duration upperBound(int i) {
            return Duration.ofSeconds(1);
        }

        @Override
        public long count(int i) {
            return 0;
        }

        @Override
        public Duration sum() {
            return Duration.ZERO;
        }
    };

    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final SystemId SYSTEM = SystemId.parse("7000000000000000001");

    private final RelayState state;

    private KnownRelay(RelayState state) {
        this.state = state;
    }

    /** One that has never seen an upstream. */
    public static KnownRelay empty() {
        return new KnownRelay(new RelayState(Clock.fixed(NOW, ZoneOffset.UTC), upstream(UpstreamStatus.State.CONNECTING, Optional.of("no route"))));
    }

    /** One that streams, with standby a and the slots a and b. */
    public static KnownRelay streaming(Path directory) throws Exception {
        return streaming(directory, Optional.empty());
    }

    /** As {@link #streaming(Path)}, with an archive in {@code archive} that has nothing yet. */
    public static KnownRelay withArchive(Path directory, Path archive) throws Exception {
        Path spool = Files.createDirectory(directory.resolveSibling("spool"));
        ObjectFormat plain = new ObjectFormat(Compression.NONE, Optional.empty());
        DurableFiles durable = new DurableFiles(new PosixStorage(directory));
        return streaming(directory, Optional.of(new ArchiveTier(new DirectoryStore(archive), plain, durable, spool)));
    }

    private static KnownRelay streaming(Path directory, Optional<ArchiveTier> archive) throws Exception {
        KnownRelay relay = empty();
        WalCraft wal = WalCraft.begin(SEGMENT, SYSTEM, BEGAN, 1).randomRecords(2_000, 300);
        CacheSettings settings = new CacheSettings(1 << 20, 1L << 40, Duration.ofHours(1), SlotLimits.upTo(16_384), false);
        WalCache cache = WalCache.create(new Tiers(new PosixStorage(directory), settings, archive), SYSTEM, SEGMENT, wal.history(), BEGAN);
        cache.writer().append(BEGAN, Unpooled.wrappedBuffer(wal.bytes(BEGAN, WRITTEN)));
        cache.writer().publish();
        cache.writer().flush();
        cache.slots().create("a", false, Lsn.parse("0/100C000"), 1);
        cache.slots().acquire("a", 41);
        cache.slots().create("b", false, Lsn.parse("0/1008000"), 1);
        relay.state.open(cache);
        relay.state.learn(new UpstreamFacts(SYSTEM, SEGMENT, Map.of("server_version", "18.1"), Map.of()));
        relay.state.update(upstream(UpstreamStatus.State.STREAMING, Optional.empty()));
        relay.state.countReceived(65_536);
        relay.state.standbys().join(41, () -> standby(41, "a"));
        relay.state.forwarded().began();
        relay.state.forwarded().toUpstream(100);
        relay.state.forwarded().fromUpstream(2_000);
        relay.state.events().info("connected", "streaming from pg1:5432");
        return relay;
    }

    public static UpstreamStatus upstream(UpstreamStatus.State state, Optional<String> problem) {
        boolean streaming = state == UpstreamStatus.State.STREAMING;
        return new UpstreamStatus(
                state,
                Optional.of("pg1:5432"),
                NOW.minusSeconds(90),
                streaming ? WRITTEN : Lsn.INVALID,
                streaming ? Lsn.parse("0/1011000") : Lsn.INVALID,
                streaming ? Lsn.parse("0/100F000") : Lsn.INVALID,
                streaming ? Optional.of(NOW.minusMillis(250)) : Optional.empty(),
                problem);
    }

    public static StandbyStatus standby(int pid, String name) {
        return standby(pid, name, "a", Optional.empty());
    }

    public static StandbyStatus standby(int pid, String name, String slot, Optional<Hold> held) {
        return new StandbyStatus(
                pid,
                name,
                "repl",
                "10.0.0.7:5000",
                false,
                Optional.of(slot),
                StandbyStatus.State.STREAMING,
                NOW.minusSeconds(60),
                Optional.of(TimelineId.of(1)),
                WRITTEN,
                Lsn.parse("0/100F000"),
                Lsn.parse("0/100E000"),
                Lsn.parse("0/100C000"),
                Optional.of(Duration.ZERO),
                Optional.of(Duration.ofMillis(5)),
                Optional.of(Duration.ofMillis(20)),
                Optional.empty(),
                Optional.of(NOW.minusSeconds(1)),
                Duration.ofMillis(10),
                49_152,
                Waiting.NOTHING,
                held);
    }

    /** A relay that streams from this one as standby {@code name} does. */
    public static StandbyStatus relayBehind(int pid, String name) {
        StandbyStatus it = standby(pid, name);
        return new StandbyStatus(
                pid, name, it.user(), it.client(), true, Optional.empty(), it.state(), it.since(), it.timeline(), it.sent(), it.written(), it.flushed(),
                it.replayed(), it.sentLag(), it.writeLag(), it.flushLag(), it.replayLag(), it.lastReply(), it.addedDelay(), it.sentBytes(), it.waiting(), it.held());
    }

    /** A relay that has all WAL up to there, on its disk too. */
    public static EndOfWal end(Lsn at) {
        return new EndOfWal(TimelineHistory.root(TimelineId.of(1)), at, at, at, at);
    }

    public RelayState state() {
        return state;
    }

    @Override
    public void close() throws IOException {
        if (state.cache().isPresent()) {
            state.cache().get().close();
        }
    }
}
