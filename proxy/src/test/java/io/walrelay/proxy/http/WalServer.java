package io.walrelay.proxy.http;

import io.netty.buffer.Unpooled;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalPush;
import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.cache.storage.TroubledStorage;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.metrics.RelayMetrics;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.proxy.testkit.TakenOrders;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** The HTTP port over WAL that is known byte by byte, with segments of 1 MB. Confined to the test that made it. */
final class WalServer implements AutoCloseable {

    static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    static final int MB = 1 << 20;
    static final SystemId SYSTEM = new SystemId(7);
    static final Lsn ORIGIN = Lsn.parse("0/1000000");
    static final HttpSettings OPEN = new HttpSettings(new HostPort("127.0.0.1", 0), Optional.empty(), List.of(), false);
    static final HttpLimits LIMITS = new HttpLimits(64, 1, 1_024, 2_048, 1_024, Duration.ofSeconds(20), Duration.ofSeconds(30));

    private static final CacheSettings KEEP_ALL = new CacheSettings(MB, 1L << 40, Duration.ofDays(1), SlotLimits.upTo(1L << 40), false);

    /** An archiver that does not come to it. */
    static final WalPush.Archiving NEVER = _ -> CompletableFuture.completedFuture(false);

    private final RelayState state;
    private final Path directory;
    private final Tiers tiers;
    private final TroubledStorage disk;
    private final RelayMetrics metrics;
    private final HttpServer server;
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private WalServer(Path directory, Optional<MemoryStore> store, HttpSettings settings, WalPush.Archiving archiving) throws IOException {
        this.directory = directory;
        this.state = new RelayState(Clock.systemUTC(), KnownRelay.upstream(io.walrelay.proxy.state.UpstreamStatus.State.STREAMING, Optional.empty()));
        TroubledStorage storage = new TroubledStorage(new PosixStorage(directory.resolve("data")));
        this.disk = storage;
        Path spool = Files.createDirectories(directory.resolve("spool"));
        ObjectFormat format = new ObjectFormat(Compression.LZ4, Optional.empty());
        this.tiers = new Tiers(storage, KEEP_ALL, store.map(s -> new ArchiveTier(s, format, new DurableFiles(storage), spool)));
        this.metrics = new RelayMetrics(state, KnownRelay.PROCESS, KnownRelay.NO_PACING);
        this.server = HttpServer.start(settings, LIMITS, state, KnownRelay.PROCESS, metrics, TakenOrders.IGNORED, archiving);
    }

    /** One that has seen no upstream yet. */
    static WalServer empty(Path directory) throws IOException {
        return new WalServer(directory, Optional.empty(), OPEN, NEVER);
    }

    /** One that holds {@code wal} from {@code from} on. */
    static WalServer holding(Path directory, Optional<MemoryStore> store, WalCraft wal, Lsn from) throws Exception {
        return holding(directory, store, wal, from, OPEN, NEVER);
    }

    static WalServer holding(Path directory, Optional<MemoryStore> store, WalCraft wal, Lsn from, HttpSettings settings, WalPush.Archiving archiving)
            throws Exception {
        WalServer made = new WalServer(directory, store, settings, archiving);
        made.state.open(WalCache.create(made.tiers, SYSTEM, SEGMENT, wal.history(), from));
        made.receive(wal, wal.end());
        return made;
    }

    static HttpSettings encrypted(TlsSettings tls) {
        return new HttpSettings(new HostPort("127.0.0.1", 0), Optional.of(tls), List.of(), false);
    }

    static WalCraft craft(long seed) {
        return WalCraft.begin(SEGMENT, SYSTEM, ORIGIN, seed);
    }

    WalCache cache() {
        return state.cache().orElseThrow();
    }

    /** WAL up to {@code to} comes from upstream, and is flushed. */
    void receive(WalCraft wal, Lsn to) throws Exception {
        Lsn from = cache().end().written();
        if (!to.isAfter(from)) {
            return;
        }
        cache().writer().append(from, Unpooled.wrappedBuffer(wal.bytes(from, to)));
        cache().writer().publish();
        cache().writer().flush();
    }

    /** Upstream goes on with the timeline of {@code wal}. */
    void follow(WalCraft wal) throws IOException {
        TimelineHistory next = wal.history();
        cache().follow(next, next.ancestors().isEmpty() ? new byte[0] : next.format().getBytes(StandardCharsets.UTF_8), Lsn.INVALID);
    }

    Archive archive() throws IOException {
        return tiers.archive().orElseThrow().of(SYSTEM);
    }

    /** Somebody archives the segment of {@code wal}'s own timeline that {@code lsn} lies in, and the timeline's history. */
    void archive(WalCraft wal, Lsn lsn) throws IOException {
        TimelineHistory lineage = wal.history();
        if (!lineage.ancestors().isEmpty()) {
            byte[] text = lineage.format().getBytes(StandardCharsets.UTF_8);
            archive().put(new ArchivedName(lineage, new WalFileName.History(lineage.timeline()), SEGMENT), () -> new ByteArrayInputStream(text));
        }
        SegmentId id = SegmentId.at(lineage.timeline(), lsn, SEGMENT);
        byte[] bytes = wal.segment(id.number());
        archive().put(new ArchivedName(lineage, new WalFileName.Segment(id), SEGMENT), () -> new ByteArrayInputStream(bytes));
    }

    /** The file name of the segment of {@code wal}'s own timeline that {@code lsn} lies in. */
    static String name(WalCraft wal, Lsn lsn) {
        return new WalFileName.Segment(SegmentId.at(wal.history().timeline(), lsn, SEGMENT)).fileName(SEGMENT);
    }

    int port() {
        return server.address().getPort();
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:%d%s".formatted(port(), path))).timeout(Duration.ofSeconds(30));
    }

    HttpResponse<byte[]> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    HttpResponse<byte[]> get(String path) throws IOException, InterruptedException {
        return send(request(path));
    }

    static String text(HttpResponse<byte[]> response) {
        return new String(response.body(), StandardCharsets.UTF_8);
    }

    String metrics() {
        return metrics.scrape();
    }

    Path directory() {
        return directory;
    }

    /** The disk that all of it is on. */
    TroubledStorage disk() {
        return disk;
    }

    RelayState state() {
        return state;
    }

    @Override
    public void close() throws IOException {
        client.close();
        server.close();
        if (state.cache().isPresent()) {
            cache().close();
        }
    }
}
