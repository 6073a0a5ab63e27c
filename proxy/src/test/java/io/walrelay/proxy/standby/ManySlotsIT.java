package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.Slots;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A thousand slots whose standbys confirm all the time: none is ahead of its standby after a kill, and what it costs is in the log. */
@Timeout(180)
@Tag("alone")
final class ManySlotsIT {

    private static final Logger log = LoggerFactory.getLogger(ManySlotsIT.class);
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration MOVEMENT = Duration.ofSeconds(3);
    private static final int SLOTS = 1000;
    private static final int MEGABYTES = 32;
    private static final int SAVES = 50;

    @TempDir
    private Path directory;

    private static String name(int i) {
        return "standby_%04d".formatted(i);
    }

    private static Map<String, Lsn> positions(RelayProcess relay) throws IOException, InterruptedException {
        return Arrays.stream(Json.MAPPER.readValue(relay.get("/api/v1/slots").body(), StatusReport.Slot[].class))
                .collect(Collectors.toMap(StatusReport.Slot::name, slot -> Lsn.parse(slot.restartLsn().orElseThrow()), (a, _) -> a, TreeMap::new));
    }

    private static Map<String, Lsn> saved(Path data) throws IOException {
        return Slots.load(new DurableFiles(new PosixStorage(data))).all().stream()
                .collect(Collectors.toMap(Slot::name, Slot::restartLsn, (a, _) -> a, TreeMap::new));
    }

    /** Each write makes a new file. */
    private static Object file(RelayProcess relay) throws IOException {
        return Objects.requireNonNull(Files.readAttributes(relay.data().resolve("slots"), BasicFileAttributes.class).fileKey());
    }

    /** The relay's sessions, one for each slot. */
    private static final class Standbys implements AutoCloseable {

        private final List<FakeStandby> sessions = new ArrayList<>();
        /** What each has confirmed last, or is about to. */
        private final Map<String, Lsn> confirmed = new TreeMap<>();

        Standbys(RelayProcess relay, Lsn start) throws IOException {
            InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), relay.port());
            try {
                for (int i = 0; i < SLOTS; i++) {
                    FakeStandby session = FakeStandby.login(address, name(i));
                    sessions.add(session);
                    session.start("SLOT %s PHYSICAL %s".formatted(name(i), start));
                }
            } catch (IOException | RuntimeException | Error e) {
                close();
                throw e;
            }
        }

        /** Each confirms another position, all of them from {@code from} on. */
        void confirm(Lsn from) throws IOException {
            for (int i = 0; i < SLOTS; i++) {
                Lsn position = from.plus(i);
                confirmed.put(name(i), position);
                sessions.get(i).reply(position, position, position, false);
            }
        }

        @Override
        public void close() throws IOException {
            for (FakeStandby session : sessions) {
                session.close();
            }
        }
    }

    @Test
    void aKillLeavesNoSlotAheadOfItsStandbyNorBehindWhatWasSaved() throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(Programs.version(15).server()).start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                        // How many sessions there may be is counted from that.
                        .with("_JAVA_OPTIONS", "-XX:MaxDirectMemorySize=1g")
                        .start()) {
            relay.awaitReady(LIMIT);
            long empty = residentKb(relay);
            Lsn base = primary.flushedLsn();
            create(relay, primary.query("SELECT system_identifier FROM pg_control_system()"), base);
            long withSlots = residentKb(relay);
            primary.execute("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 1 << 20)) FROM generate_series(1, %d)".formatted(MEGABYTES));
            Lsn end = primary.flushedLsn();
            Await.until("the relay to have it", LIMIT, () -> primary.query("SELECT max(flush_lsn) FROM pg_stat_replication"), lsn -> Lsn.parse(lsn).isAtLeast(end));

            Map<String, Lsn> quiet;
            try (Standbys standbys = new Standbys(relay, end)) {
                standbys.confirm(base);
                quiet = Map.copyOf(standbys.confirmed);
                Await.until("all positions to be saved", LIMIT, () -> saved(relay.data()), quiet::equals);
                log.info("{} slots: {} MB resident before, {} MB with them, {} MB with a standby streaming by each; the file has {} bytes",
                        SLOTS, empty >> 10, withSlots >> 10, residentKb(relay) >> 10, Files.size(relay.data().resolve("slots")));
                relay.kill();
            }
            relay.start();
            relay.awaitReady(LIMIT);
            assertEquals(quiet, positions(relay));

            Map<String, Lsn> moving;
            try (Standbys standbys = new Standbys(relay, end)) {
                move(relay, standbys, base, end);
                relay.kill();
                moving = Map.copyOf(standbys.confirmed);
            }
            relay.start();
            relay.awaitReady(LIMIT);
            Map<String, Lsn> found = positions(relay);
            assertEquals(quiet.keySet(), found.keySet());
            found.forEach((slot, at) -> {
                Lsn confirmed = Objects.requireNonNull(moving.get(slot));
                Lsn old = Objects.requireNonNull(quiet.get(slot));
                assertTrue(
                        at.isAtMost(confirmed) && at.isAfter(old),
                        () -> "slot \"%s\" is at %s; its standby has confirmed %s, and %s was saved long ago".formatted(slot, at, confirmed, old));
            });
        }
    }

    /** A hundred with each request, as {@code walrelay slot import} does. */
    private static void create(RelayProcess relay, String systemId, Lsn at) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            for (int first = 0; first < SLOTS; first += 100) {
                String slots = IntStream.range(first, first + 100)
                        .mapToObj(i -> "{\"name\": \"%s\", \"restart_lsn\": \"%s\"}".formatted(name(i), at))
                        .collect(Collectors.joining(", "));
                HttpRequest post = HttpRequest.newBuilder(URI.create(relay.url() + "/api/v1/slots"))
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString("{\"system_id\": \"%s\", \"timeline\": 1, \"slots\": [%s]}".formatted(systemId, slots)))
                        .build();
                HttpResponse<String> answer = client.send(post, HttpResponse.BodyHandlers.ofString());
                assertEquals(200, answer.statusCode(), answer::body);
            }
        }
    }

    /** All confirm more and more, for a while. */
    private static void move(RelayProcess relay, Standbys standbys, Lsn base, Lsn end) throws IOException {
        long begin = System.nanoTime();
        Object last = file(relay);
        int saves = 0;
        int rounds = 0;
        while (System.nanoTime() - begin < MOVEMENT.toNanos() || saves == 0) {
            rounds++;
            Lsn from = base.plus((long) rounds * SLOTS);
            assertTrue(from.plus(SLOTS).isBefore(end), "the WAL is too short for so many rounds");
            standbys.confirm(from);
            Object now = file(relay);
            saves += now.equals(last) ? 0 : 1;
            last = now;
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        log.info("{} slots: {} replies/s and {} saves/s", SLOTS, Math.round(rounds * SLOTS / seconds), "%.2f".formatted(saves / seconds));
        // Housekeeping rests for a second after each; the first may come at once.
        assertTrue(saves <= seconds + 1, "%d saves in %.1f s".formatted(saves, seconds));
    }

    /** On this machine's disk. */
    @Test
    void whatASaveCosts() throws Exception {
        Slots slots = Slots.load(new DurableFiles(new PosixStorage(directory)));
        slots.createAll(IntStream.range(0, SLOTS).boxed().collect(Collectors.toMap(ManySlotsIT::name, _ -> new Lsn(1))));
        List<Long> nanos = new ArrayList<>();
        for (int k = 1; k <= SAVES; k++) {
            for (int i = 0; i < SLOTS; i++) {
                slots.sent(name(i), new Lsn(k));
            }
            long begin = System.nanoTime();
            slots.save();
            nanos.add(System.nanoTime() - begin);
        }
        nanos.sort(Long::compare);
        log.info("a save of {} slots takes {} ms, {} ms at most, of {} saves", SLOTS, ms(nanos.get(SAVES / 2)), ms(nanos.getLast()), SAVES);
        assertEquals(Set.of(new Lsn(SAVES)), Slots.load(new DurableFiles(new PosixStorage(directory))).all().stream().map(Slot::furthestSent).collect(Collectors.toSet()));
    }

    private static String ms(long nanos) {
        return "%.1f".formatted(nanos / 1e6);
    }

    private static long residentKb(RelayProcess relay) throws IOException {
        return Files.readAllLines(Path.of("/proc/%d/status".formatted(relay.pid()))).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
