package io.walrelay.proxy.http;

import static io.walrelay.proxy.http.WalServer.MB;
import static io.walrelay.proxy.http.WalServer.ORIGIN;
import static io.walrelay.proxy.http.WalServer.SEGMENT;
import static io.walrelay.proxy.http.WalServer.craft;
import static io.walrelay.proxy.http.WalServer.name;
import static io.walrelay.proxy.http.WalServer.text;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.WalPush;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.cache.storage.TroubledStorage;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Files that an archive_command pushes. */
@Timeout(120)
class WalPutTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Lsn BEGAN = ORIGIN.plus(2L * MB);
    private static final WalPush.Archiving AT_ONCE = _ -> CompletableFuture.completedFuture(true);

    @TempDir
    private Path directory;

    private final MemoryStore store = new MemoryStore();
    private final WalCraft one = craft(1).randomRecords(600, 300_000);

    private WalServer server(boolean archive) throws Exception {
        return WalServer.holding(directory, archive ? Optional.of(store) : Optional.empty(), one, BEGAN, WalServer.OPEN, AT_ONCE);
    }

    private static HttpResponse<byte[]> put(WalServer server, String name, byte[] content) throws IOException, InterruptedException {
        return server.send(server.request("/wal/" + name).PUT(HttpRequest.BodyPublishers.ofByteArray(content)).expectContinue(false));
    }

    private byte[] segment(Lsn at) {
        return one.segment(SEGMENT.segmentNumber(at));
    }

    private void assertNothingIsLeft() {
        Await.until("incoming/ to be empty", LIMIT, () -> {
            try (Stream<Path> files = Files.list(directory.resolve("data/incoming"))) {
                return files.count() == 0;
            } catch (NoSuchFileException e) {
                return true; // Nothing came.
            }
        });
    }

    @Test
    void whatTheRelayHoldsIsComparedAndNotKeptTwice() throws Exception {
        try (WalServer server = server(false)) {
            HttpResponse<byte[]> same = put(server, name(one, BEGAN), segment(BEGAN));
            assertEquals(200, same.statusCode(), text(same));
            assertEquals(200, put(server, name(one, BEGAN), segment(BEGAN)).statusCode(), "again");
            byte[] other = segment(BEGAN);
            other[700_001] ^= 1;
            HttpResponse<byte[]> conflict = put(server, name(one, BEGAN), other);
            assertEquals(409, conflict.statusCode());
            assertTrue(text(conflict).contains(BEGAN.plus(700_001).toString()), text(conflict));
            assertNothingIsLeft();
            assertTrue(server.metrics().contains("walrelay_wal_file_pushes_total{outcome=\"held\"} 2.0"), server.metrics());
            assertTrue(server.metrics().contains("walrelay_wal_file_received_bytes_total 3145728.0"), server.metrics());
        }
    }

    @Test
    void whatIsHeldIsAnsweredWhenItIsArchived() throws Exception {
        CompletableFuture<Boolean> archived = new CompletableFuture<>();
        try (WalServer server = WalServer.holding(directory, Optional.of(store), one, BEGAN, WalServer.OPEN, _ -> archived)) {
            CompletableFuture<Integer> answer = CompletableFuture.supplyAsync(() -> {
                try {
                    return put(server, name(one, BEGAN), segment(BEGAN)).statusCode();
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            Await.until("all of it to come", LIMIT, () -> server.metrics().contains("walrelay_wal_file_received_bytes_total 1048576.0"));
            assertTrue(!answer.isDone());
            archived.complete(true);
            assertEquals(200, answer.get(30, TimeUnit.SECONDS));
        }
    }

    @Test
    void withoutAnArchiverItIsNotSaidThatItIsArchived() throws Exception {
        try (WalServer server = WalServer.holding(directory, Optional.of(store), one, BEGAN)) {
            assertEquals(503, put(server, name(one, BEGAN), segment(BEGAN)).statusCode());
        }
    }

    /** PostgreSQL tries again for ever, but whoever reads its log is told what is the matter. */
    @Test
    void whatIsNeverArchivedIsRefusedForGood() throws Exception {
        WalPush.Archiving leavesOut = new WalPush.Archiving() {
            @Override
            public CompletableFuture<Boolean> whenArchived(ArchivedName name) {
                return new CompletableFuture<>();
            }

            @Override
            public Optional<String> leftOut(SegmentId id) {
                return id.equals(SegmentId.at(new TimelineId(1), BEGAN, SEGMENT)) ? Optional.of("WAL is damaged, says the test") : Optional.empty();
            }
        };
        try (WalServer server = WalServer.holding(directory, Optional.of(store), one, BEGAN, WalServer.OPEN, leavesOut)) {
            HttpResponse<byte[]> same = put(server, name(one, BEGAN), segment(BEGAN));
            assertEquals(422, same.statusCode());
            assertTrue(text(same).contains("WAL is damaged, says the test"), text(same));
            byte[] other = segment(BEGAN);
            other[700_001] ^= 1;
            HttpResponse<byte[]> conflict = put(server, name(one, BEGAN), other);
            assertEquals(409, conflict.statusCode());
            assertTrue(text(conflict).contains("WAL is damaged, says the test"), text(conflict));
        }
    }

    @Test
    void whatTheRelayDoesNotHoldGoesToTheArchive() throws Exception {
        try (WalServer server = server(true)) {
            assertEquals(404, server.get("/wal/" + name(one, ORIGIN)).statusCode());
            HttpResponse<byte[]> stored = put(server, name(one, ORIGIN), segment(ORIGIN));
            assertEquals(201, stored.statusCode(), text(stored));
            assertArrayEquals(segment(ORIGIN), server.get("/wal/" + name(one, ORIGIN)).body(), "that it was absent is forgotten");
            assertEquals(200, put(server, name(one, ORIGIN), segment(ORIGIN)).statusCode(), "again");
            byte[] other = segment(ORIGIN);
            other[MB - 1] ^= 1;
            assertEquals(409, put(server, name(one, ORIGIN), other).statusCode());

            String backup = name(one, ORIGIN) + ".00000028.backup";
            byte[] label = "START WAL LOCATION: 0/1000028 (file %s)\nSTOP WAL LOCATION: …\n".formatted(name(one, ORIGIN)).getBytes(StandardCharsets.UTF_8);
            assertEquals(201, put(server, backup, label).statusCode());
            assertArrayEquals(label, server.get("/wal/" + backup).body());
            assertEquals(422, put(server, name(one, ORIGIN) + ".00000030.backup", label).statusCode(), "another's content");
            assertNothingIsLeft();
        }
    }

    @Test
    void withoutAnArchiveThereIsNoPlace() throws Exception {
        try (WalServer server = server(false)) {
            HttpResponse<byte[]> response = put(server, name(one, ORIGIN), segment(ORIGIN));
            assertEquals(503, response.statusCode());
            assertTrue(text(response).contains("archive.url"), text(response));
        }
    }

    @Test
    void anArchiveThatCannotBeAskedIsAskedAgain() throws Exception {
        try (WalServer server = server(true)) {
            store.failFor(_ -> true);
            HttpResponse<byte[]> response = put(server, name(one, ORIGIN), segment(ORIGIN));
            assertEquals(503, response.statusCode());
            assertEquals(Optional.of("5"), response.headers().firstValue("retry-after"));
            store.failFor(_ -> false);
            assertEquals(201, put(server, name(one, ORIGIN), segment(ORIGIN)).statusCode());
        }
    }

    @Test
    void contentThatIsNotThatFileIsRefused() throws Exception {
        try (WalServer server = server(true)) {
            byte[] good = segment(ORIGIN);
            assertEquals(413, put(server, name(one, ORIGIN), Arrays.copyOf(good, MB + 1)).statusCode());
            assertEquals(422, put(server, name(one, ORIGIN), Arrays.copyOf(good, MB - 1)).statusCode());
            assertEquals(422, put(server, name(one, ORIGIN), new byte[MB]).statusCode(), "zeros");
            assertEquals(422, put(server, name(one, ORIGIN.plus(MB)), good).statusCode(), "another segment's place");
            WalCraft foreign = WalCraft.begin(SEGMENT, new SystemId(8), ORIGIN, 1).randomRecords(600, 300_000);
            HttpResponse<byte[]> other = put(server, name(one, ORIGIN), foreign.segment(SEGMENT.segmentNumber(ORIGIN)));
            assertEquals(422, other.statusCode());
            assertTrue(text(other).contains("system 8"), text(other));
            assertEquals(400, put(server, "x", good).statusCode());
            assertEquals(400, put(server, name(one, ORIGIN) + "?timeline=1", good).statusCode());
            assertEquals(413, put(server, "00000002.history", new byte[MB]).statusCode());
            assertEquals(422, put(server, "00000002.history", "nonsense".getBytes(StandardCharsets.UTF_8)).statusCode());
            assertEquals(422, put(server, "00000002.history", new byte[0]).statusCode());
            assertEquals(List.of(), store.keys().stream().filter(key -> key.contains("/")).toList(), "nothing was kept");
            assertNothingIsLeft();
        }
    }

    @Test
    void whatTheRelayHasNotComeToIsForLater() throws Exception {
        try (WalServer server = server(true)) {
            HttpResponse<byte[]> ahead = put(server, name(one, one.end().plus(MB)), new byte[MB]);
            assertEquals(503, ahead.statusCode());
            assertTrue(text(ahead).contains(one.end().toString()), text(ahead));
            WalCraft next = one.promoted(new TimelineId(2), one.end());
            assertEquals(503, put(server, name(next, one.end()), new byte[MB]).statusCode(), "a timeline that it has not followed to");
        }
    }

    /** The server archives the segment at the moment when it is whole, which may be a little before the relay has it. */
    @Test
    void aSegmentThatTheRelayIsAboutToHaveIsWaitedFor() throws Exception {
        WalCraft more = craft(1).randomRecords(600, 300_000).randomRecords(50, 300_000);
        try (WalServer server = server(false)) {
            Lsn end = SEGMENT.endOf(one.end());
            byte[] content = more.segment(SEGMENT.segmentNumber(one.end()));
            CompletableFuture<Integer> answer = CompletableFuture.supplyAsync(() -> {
                try {
                    return put(server, name(one, one.end()), content).statusCode();
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            server.receive(more, end);
            assertEquals(200, answer.get(30, TimeUnit.SECONDS));
        }
    }

    /**
     * <pre>
     *   1  ───────┬──┄┄┄┄┄   a server that does not know that it has lost
     *             └──────    2, which the relay follows
     * </pre>
     */
    @Test
    void anOrphansFilesAreRefusedAndTheEndOfTheOldTimelineIsTaken() throws Exception {
        Lsn fork = one.lastRecordEndAt(ORIGIN.plus(3L * MB + 300_000));
        WalCraft two = one.promoted(new TimelineId(2), fork).randomRecords(400, 300_000);
        try (WalServer server = WalServer.holding(directory, Optional.of(store), craft(1), BEGAN, WalServer.OPEN, AT_ONCE)) {
            server.receive(one, fork);
            server.follow(two);
            server.receive(two, two.end());

            HttpResponse<byte[]> forks = put(server, name(one, fork), segment(fork));
            assertEquals(409, forks.statusCode());
            assertEquals(Optional.of(fork.toString()), forks.headers().firstValue("x-walrelay-fork"));
            assertEquals(409, put(server, name(one, fork.plus(MB)), segment(fork.plus(MB))).statusCode());
            assertEquals(200, put(server, name(two, fork), two.segment(SEGMENT.segmentNumber(fork))).statusCode());

            // What is in the file past the end of the timeline is of no account.
            assertEquals(200, put(server, name(one, fork) + ".partial", segment(fork)).statusCode());
            byte[] other = segment(fork);
            other[1_000] ^= 1;
            assertEquals(409, put(server, name(one, fork) + ".partial", other).statusCode());

            byte[] history = two.history().format().getBytes(StandardCharsets.UTF_8);
            assertEquals(201, put(server, "00000002.history", history).statusCode());
            WalCraft again = one.promoted(new TimelineId(2), one.lastRecordEndAt(fork.plus(-1)));
            HttpResponse<byte[]> second = put(server, "00000002.history", again.history().format().getBytes(StandardCharsets.UTF_8));
            assertEquals(201, second.statusCode(), "the same number, another lineage: " + text(second));
            assertEquals(2, store.keys().stream().filter(key -> key.endsWith("/00000002.history")).count(), store.keys()::toString);
            assertEquals(two.history().format(), text(server.get("/wal/00000002.history")));
        }
    }

    @Test
    void whoMayOnlyReadMayNotPush() throws Exception {
        HttpSettings tokens = new HttpSettings(
                new HostPort("127.0.0.1", 0),
                Optional.empty(),
                List.of(new HttpSettings.Token(Secret.utf8("all-of-it"), false), new HttpSettings.Token(Secret.utf8("only-look"), true)),
                false);
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, BEGAN, tokens, AT_ONCE)) {
            String path = "/wal/" + name(one, BEGAN);
            for (String[] expected : new String[][] {{"", "401", "401"}, {"Bearer wrong", "401", "401"}, {"Bearer only-look", "200", "403"}, {"Bearer all-of-it", "200", "200"}}) {
                HttpRequest.Builder get = server.request(path);
                HttpRequest.Builder put = server.request(path).expectContinue(true).PUT(HttpRequest.BodyPublishers.ofByteArray(segment(BEGAN)));
                if (!expected[0].isEmpty()) {
                    get.header("Authorization", expected[0]);
                    put.header("Authorization", expected[0]);
                }
                assertEquals(expected[1], String.valueOf(server.send(get).statusCode()), "GET with " + expected[0]);
                assertEquals(expected[2], String.valueOf(server.send(put).statusCode()), "PUT with " + expected[0]);
            }
            assertEquals(401, server.get("/wal").statusCode());
            assertNothingIsLeft();
        }
    }

    @Test
    void aClientThatStopsHalfWayLeavesNothing() throws Exception {
        try (WalServer server = server(true)) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
                String head = "PUT /wal/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n".formatted(name(one, ORIGIN), MB);
                socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().write(segment(ORIGIN), 0, MB / 2);
                Await.until("half of it to come", LIMIT, () -> server.metrics().contains("walrelay_wal_file_received_bytes_total 524288.0"));
            }
            assertNothingIsLeft();
            assertEquals(404, server.get("/wal/" + name(one, ORIGIN)).statusCode());
        }
    }

    /** Such as the end of direct memory, which ends no process. Each place for a push is needed again afterwards. */
    @ParameterizedTest
    @EnumSource(names = {"CREATE", "WRITE"})
    void anErrorOfTheRelaysOwnIsAnswered(TroubledStorage.Operation failing) throws Exception {
        try (WalServer server = server(true)) {
            server.disk().trouble((operation, path) -> {
                if (operation == failing && path.startsWith("incoming/")) {
                    throw new OutOfMemoryError("direct buffer memory, says the test");
                }
            });
            for (int i = 0; i < 6; i++) {
                HttpResponse<byte[]> response = put(server, name(one, ORIGIN), segment(ORIGIN));
                assertEquals(500, response.statusCode());
                assertTrue(text(response).contains("the relay's log says why"), text(response));
            }
            assertNothingIsLeft();
            server.disk().trouble((_, _) -> {});
            assertEquals(201, put(server, name(one, ORIGIN), segment(ORIGIN)).statusCode());
        }
    }

    /** The answer is known from the head: the client need not send what nobody reads. */
    @Test
    void aRefusalComesBeforeTheBody() throws Exception {
        try (WalServer server = server(false); Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.setSoTimeout(20_000);
            String head = "PUT /wal/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n".formatted(name(one, ORIGIN), MB);
            socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
            InputStream answer = socket.getInputStream();
            String text = new String(answer.readAllBytes(), StandardCharsets.ISO_8859_1);
            assertTrue(text.startsWith("HTTP/1.1 503 ") && text.contains("connection: close"), text);
        }
    }

    @Test
    void moreComesOverTheSameConnection() throws Exception {
        try (WalServer server = server(false); Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.setSoTimeout(20_000);
            for (int i = 0; i < 2; i++) {
                String head = "PUT /wal/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n".formatted(name(one, BEGAN), MB);
                socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().write(segment(BEGAN));
                StringBuilder answer = new StringBuilder();
                while (answer.indexOf("}\n") < 0) {
                    int c = socket.getInputStream().read();
                    assertTrue(c >= 0, answer.toString());
                    answer.append((char) c);
                }
                assertTrue(answer.toString().startsWith("HTTP/1.1 200 "), answer.toString());
            }
        }
    }

    @Test
    void whatIsHeldIsListed() throws Exception {
        Lsn fork = one.lastRecordEndAt(ORIGIN.plus(3L * MB + 300_000));
        WalCraft two = one.promoted(new TimelineId(2), fork).randomRecords(400, 300_000);
        try (WalServer server = WalServer.holding(directory, Optional.of(store), craft(1), BEGAN)) {
            server.receive(one, fork.plus(MB));
            server.archive(one, ORIGIN);
            server.follow(two);
            server.receive(two, two.end());
            WalReport report = Json.MAPPER.readValue(text(server.get("/wal")), WalReport.class);
            assertEquals(two.history().id(), report.lineage());
            assertEquals(two.end().toString(), report.memory().to());
            List<String> spelled = report.held().stream()
                    .map(held -> held.lineage().charAt(0) + " " + (held.own() ? "own " : "") + held.tier() + " "
                            + held.ranges().stream().map(range -> "%s-%s/%d".formatted(range.from(), range.to(), range.files())).toList())
                    .toList();
            long twos = SEGMENT.segmentNumber(two.end()) - SEGMENT.segmentNumber(fork) + 1;
            assertEquals(
                    List.of(
                            "1 own disk [0/1200000-0/1300000/1]",
                            "2 own disk [0/1300000-%s/%d]".formatted(two.end(), twos),
                            "1 disk [0/1300000-%s/2]".formatted(fork.plus(MB)),
                            "1 own archive [0/1000000-0/1100000/1]"),
                    spelled);
        }
    }
}
