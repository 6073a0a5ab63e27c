package io.walrelay.proxy.cli;

import io.walrelay.proxy.client.ApiLines;
import io.walrelay.proxy.client.Relays;
import io.walrelay.proxy.client.Restore;
import io.walrelay.proxy.client.RestoreMode;
import io.walrelay.proxy.client.SegmentPieces;
import io.walrelay.proxy.http.ImportedSlot;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.rewind.HeldWal;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A relay as a rewind sees it, over HTTP: WAL by name, and the slot that the rewound server will stream from. */
final class RelayOfRewind implements HeldWal {

    /** How long a relay may be silent. */
    static final Duration SILENCE = Duration.ofSeconds(30);

    private final Relays relays;
    private final String slot;
    private final List<HeldWal> one;

    /** @param relays the first is the one that makes the slot */
    RelayOfRewind(Relays relays, String slot) {
        this.relays = relays;
        this.slot = slot;
        this.one = relays.urls().size() == 1
                ? List.of(this)
                : relays.urls().stream().<HeldWal>map(url -> new RelayOfRewind(new Relays(List.of(url), relays.token(), relays.tls(), relays.timeout()), slot)).toList();
    }

    @Override
    public WalElsewhere along(TimelineHistory lineage) {
        return new Fetched(relays, selector(lineage));
    }

    @Override
    public List<HeldWal> each() {
        return one;
    }

    /** The first timeline has no beginning to name it by. */
    private static Optional<String> selector(TimelineHistory lineage) {
        return lineage.ancestors().isEmpty() ? Optional.empty() : Optional.of("%s@%s".formatted(lineage.timeline(), lineage.begin()));
    }

    @Override
    public HeldChanges changesAlong(TimelineHistory lineage) {
        return new RelayChanges(new ApiLines(relays), lineage);
    }

    @Override
    public WalElsewhere histories() {
        return new Fetched(relays, Optional.empty());
    }

    @Override
    public void reserve(SystemId system, TimelineHistory lineage, Lsn from, Lsn reached) throws IOException, RefusedException {
        String wanted = Json.MAPPER.writeValueAsString(Map.of(
                "rewind", true,
                "system_id", system.toString(),
                "timeline", lineage.timeline().toLong(),
                "timeline_begin", lineage.begin().toString(),
                "reached", reached.toString(),
                "slots", List.of(Map.of("name", slot, "restart_lsn", from.toString()))));
        try (ApiClient api = new ApiClient(relays.urls().getFirst(), relays.token(), relays.tls())) {
            ImportedSlot made = make(api, wanted);
            if (made.outcome().equals("kept")) {
                // Of an earlier rewind: it may keep less.
                var _ = api.delete("/api/v1/slots/" + slot);
                made = make(api, wanted);
            }
            if (!made.outcome().equals("imported")) {
                throw new RefusedException("the relay makes no slot \"%s\" from %s on: %s".formatted(slot, from, made.reason().orElse(made.outcome())));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the relay makes a slot");
        }
    }

    /** Its PostgreSQL port: host and port as its configuration has them; empty where that says nothing, or the relay is too old to tell. */
    Optional<String> advertised() throws IOException {
        try (ApiClient api = new ApiClient(relays.urls().getFirst(), relays.token(), relays.tls())) {
            return Optional.ofNullable(ApiClient.read(Status.class, api.get("/api/v1/status")).advertise()).flatMap(StatusReport.Advertised::conninfo);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the relay is asked for its address");
        }
    }

    /** Of a {@link StatusReport} what is looked at. */
    private record Status(StatusReport.@Nullable Advertised advertise) {}

    @Override
    public void release() throws IOException {
        try (ApiClient api = new ApiClient(relays.urls().getFirst(), relays.token(), relays.tls())) {
            var _ = api.delete("/api/v1/slots/" + slot);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the relay drops a slot");
        }
    }

    private static ImportedSlot make(ApiClient api, String wanted) throws IOException, InterruptedException {
        ImportedSlot[] made = ApiClient.read(ImportedSlot[].class, api.post("/api/v1/slots", wanted));
        if (made.length != 1) {
            throw new IOException("the relay answered for %d slots; expected one".formatted(made.length));
        }
        return made[0];
    }

    /** A segment's, as they are read. */
    private record OfPieces(SegmentPieces pieces) implements WalElsewhere.Bytes {

        @Override
        public int read(ByteBuffer into, long at) throws IOException {
            return pieces.read(into, at);
        }

        @Override
        public void close() {
            // The connections that it used are kept for those that follow.
        }
    }

    /** Files of one lineage, fetched when they are asked for. */
    private static final class Fetched implements WalElsewhere {

        private final Relays from;
        private final Optional<String> lineage;
        private final Restore restore;

        Fetched(Relays from, Optional<String> lineage) {
            this.from = from;
            this.lineage = lineage;
            this.restore = new Restore(
                    from, RestoreMode.REWIND, Duration.ZERO, RestoreMode.REWIND.retries(), lineage, Optional.empty());
        }

        @Override
        public @Nullable Bytes open(SegmentId segment, String name) throws IOException {
            SegmentPieces pieces = new SegmentPieces(from, name, lineage, RestoreMode.REWIND.retries());
            return pieces.isThere() ? new OfPieces(pieces) : null;
        }

        @Override
        public Optional<byte[]> read(String name) throws IOException {
            Path directory = Files.createTempDirectory("walrelay-rewind");
            try {
                return fetch(name, directory) ? Optional.of(Files.readAllBytes(directory.resolve(name))) : Optional.empty();
            } finally {
                remove(directory, name);
            }
        }

        private static void remove(Path directory, String name) throws IOException {
            Files.deleteIfExists(directory.resolve(name));
            Files.delete(directory);
        }

        private boolean fetch(String name, Path directory) throws IOException {
            try {
                Restore.Result result = restore.run(name, directory.resolve(name));
                return switch (result.exitStatus()) {
                    case 0 -> true;
                    case 1 -> false;
                    default -> throw new IOException("relay: " + result.problem().orElse("could not look for " + name));
                };
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while fetching %s from the relay".formatted(name));
            }
        }
    }
}
