package io.walrelay.proxy.http;

import static io.walrelay.proxy.http.WalServer.MB;
import static io.walrelay.proxy.http.WalServer.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.walrelay.cache.index.BlockWal;
import io.walrelay.proxy.scenario.RelayChanges;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.RelationFile;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChangesPathsTest {

    @TempDir
    private Path directory;

    private final long seed = System.nanoTime();
    private final BlockWal blocks = new BlockWal(WalServer.craft(seed), seed);

    private WalServer serve() throws Exception {
        return WalServer.holding(directory, Optional.empty(), blocks.wal(), ORIGIN);
    }

    private static String changes(String timeline, Lsn from, Lsn to) {
        return "/api/v1/changes?timeline=%s&from=%s&to=%s".formatted(timeline, from, to);
    }

    private static void answers(int status, String part, HttpResponse<byte[]> response) {
        assertEquals(status, response.statusCode(), () -> WalServer.text(response));
        assertTrue(WalServer.text(response).contains(part), () -> WalServer.text(response));
    }

    @Test
    void changesComeInLinesWithAnEnd() throws Exception {
        blocks.random(5 * MB / 2);
        Lsn end = blocks.wal().end();
        try (WalServer server = serve()) {
            HttpResponse<byte[]> response = server.get(changes("1", ORIGIN, end));
            assertEquals(Optional.of("application/x-ndjson"), response.headers().firstValue("content-type"));
            assertTrue(blocks.expected(ORIGIN, end).equals(RelayChanges.parse(WalServer.text(response)).blocks()), () -> "seed " + seed);
            Lsn middle = ORIGIN.plus(MB + 4_000);
            assertTrue(blocks.expected(middle, end).equals(RelayChanges.parse(WalServer.text(server.get(changes(blocks.wal().history().id(), middle, end)))).blocks()));
            assertEquals("{\"end\":true}\n", WalServer.text(server.get(changes("1", end, end))));
            answers(200, "", server.send(server.request(changes("1", ORIGIN, end)).method("HEAD", HttpRequest.BodyPublishers.noBody())));
            assertEquals("{\"end\":true}\n", WalServer.text(server.get(changes("1", end, end))), "one connection after the other");
        }
    }

    @Test
    void whatNoReferenceSaysHasLinesOfItsOwn() throws Exception {
        Lsn dropped = blocks.commit(1, new RelationFile(1663, 5, -1));
        Lsn unknown = blocks.main(200, 0x10, new byte[8]);
        try (WalServer server = serve()) {
            RelayChanges changes = RelayChanges.parse(WalServer.text(server.get(changes("1", ORIGIN, blocks.wal().end()))));
            assertEquals("{\"at\":\"%s\",\"relations_dropped\":[\"1663/5/4294967295\"]}".formatted(dropped), changes.special().getFirst().toString());
            assertEquals(unknown.toString(), changes.special().getLast().get("at").asString());
            assertEquals(200, changes.special().getLast().get("unknown").get("resource_manager").asInt());
        }
    }

    /** Each takes memory, and the relay has little. */
    @Test
    void twoStretchesAreMergedAtATime() throws Exception {
        blocks.random(MB / 2);
        try (WalServer server = serve()) {
            ChangesPaths paths = new ChangesPaths(server.state(), new Semaphore(ChangesPaths.MERGED_AT_ONCE));
            Call call = new Call(
                    "http", HttpMethod.GET, "/api/v1/changes", "?merged=true&timeline=1&from=%s&to=%s".formatted(ORIGIN, blocks.wal().end()), EmptyHttpHeaders.INSTANCE, "", true);
            var first = assertInstanceOf(WalReply.Lines.class, paths.answer(Endpoint.CHANGES, call));
            var second = assertInstanceOf(WalReply.Lines.class, paths.answer(Endpoint.CHANGES, call));
            var busy = assertInstanceOf(WalReply.Plain.class, paths.answer(Endpoint.CHANGES, call));
            assertEquals(503, busy.reply().status().code());
            first.pieces().close();
            var third = assertInstanceOf(WalReply.Lines.class, paths.answer(Endpoint.CHANGES, call));
            second.pieces().close();
            third.pieces().close();
        }
    }

    @Test
    void whatIsNotHeldIsSaidWithItsPosition() throws Exception {
        blocks.random(MB);
        Lsn end = blocks.wal().end();
        try (WalServer server = serve()) {
            answers(404, "\"not_held\":\"%s\"".formatted(end), server.get(changes("1", ORIGIN, end.plus(8))));
            answers(404, "\"not_held\":\"0/FFFFF8\"", server.get(changes("1", ORIGIN.plus(-8), end)));
            answers(404, "no WAL of timeline 3", server.get(changes("3", ORIGIN, end)));
            answers(404, "no WAL of timeline 1@0/0-00000000", server.get(changes("1@0/0-00000000", ORIGIN, end)));
        }
        try (WalServer server = WalServer.empty(directory.resolve("empty"))) {
            answers(503, "no WAL yet", server.get(changes("1", ORIGIN, end)));
            answers(503, "no WAL yet", server.get("/api/v1/stats"));
        }
    }

    /** WAL is damaged after two segments of three: what has come until then must not look like all. */
    @Test
    void anAnswerThatCanNotBeFinishedIsCutOff() throws Exception {
        blocks.random(3 * MB);
        Lsn end = blocks.wal().end();
        blocks.wal().corrupt(blocks.wal().recordStarts().get(blocks.wal().recordStarts().size() * 2 / 3).plus(40));
        try (WalServer server = serve()) {
            assertThrows(IOException.class, () -> server.get(changes("1", ORIGIN, end)));
            answers(200, "{\"end\":true}", server.get(changes("1", ORIGIN, ORIGIN.plus(MB))));
        }
    }

    @Test
    void aTimelineThatIsTwoHasToBeNamed() throws Exception {
        blocks.random(MB);
        Lsn fork = blocks.wal().end();
        BlockWal two = blocks.after(blocks.wal().promoted(TimelineId.of(2), fork), seed);
        BlockWal other = blocks.after(blocks.wal().promoted(TimelineId.of(2), blocks.wal().recordEnds().get(blocks.wal().recordEnds().size() / 2)), seed);
        two.random(MB);
        other.random(2 * MB);
        try (WalServer server = serve()) {
            server.follow(two.wal());
            server.receive(two.wal(), two.wal().end());
            server.follow(other.wal());
            server.receive(other.wal(), other.wal().end());
            answers(409, two.wal().history().id(), server.get(changes("2", ORIGIN, fork)));
            for (BlockWal each : List.of(two, other)) {
                Lsn end = each.wal().end();
                String text = WalServer.text(server.get(changes(each.wal().history().id(), ORIGIN, end)));
                assertTrue(each.expected(ORIGIN, end).equals(RelayChanges.parse(text).blocks()), () -> "seed " + seed);
            }
        }
    }

    @Test
    void timesHaveTheirPosition() throws Exception {
        blocks.random(1_000);
        Lsn at = blocks.commit(10_000_000);
        Lsn end = blocks.wal().end();
        try (WalServer server = serve()) {
            String expected = "{\"time\":\"2000-01-01T00:00:10Z\",\"lsn\":\"%s\",\"record\":\"%s\",\"timeline\":\"1\",\"segment\":\"000000010000000000000010\"}\n".formatted(end, at);
            assertEquals(expected, WalServer.text(server.get("/api/v1/lsn?time=1999-12-31T23:00:00Z")));
            assertEquals(expected, WalServer.text(server.get("/api/v1/lsn?time=2000-01-01T02:00:10+02:00")));
            answers(404, "committed at 2000-01-01T00:00:10.000001Z or later", server.get("/api/v1/lsn?time=2000-01-01T00:00:10.000001Z"));
            answers(400, "expected a time in ISO 8601", server.get("/api/v1/lsn?time=yesterday"));
        }
    }

    @Test
    void statisticsAreOfWholeSegments() throws Exception {
        blocks.random(3 * MB / 2);
        try (WalServer server = serve()) {
            assertEquals("{\"segments\":0,\"not_indexed\":1,\"resource_managers\":[],\"relations\":[]}\n", WalServer.text(server.get("/api/v1/stats")));
        }
    }

    @Test
    void whatCanNotBeAskedIsRefused() throws Exception {
        try (WalServer server = serve()) {
            answers(400, "parameter \\\"from\\\" is missing", server.get("/api/v1/changes?to=0/1"));
            answers(400, "parameter \\\"to\\\" is missing", server.get("/api/v1/changes?from=0/1"));
            answers(400, "\\\"page\\\" is unknown", server.get("/api/v1/changes?from=0/1&to=0/2&page=1"));
            answers(400, "expected to to be no less", server.get("/api/v1/changes?from=0/2&to=0/1"));
            answers(400, "x", server.get("/api/v1/changes?from=x&to=0/1"));
            answers(400, "not a lineage", server.get("/api/v1/changes?from=0/1&to=0/2&timeline=x"));
            answers(400, "\\\"time\\\" is missing", server.get("/api/v1/lsn"));
            answers(405, "", server.send(server.request("/api/v1/changes?from=0/1&to=0/2").DELETE()));
        }
    }
}
