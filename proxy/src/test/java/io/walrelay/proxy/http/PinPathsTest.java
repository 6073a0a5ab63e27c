package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.walrelay.proxy.testkit.KnownRelay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PinPathsTest {

    @TempDir
    private Path directory;

    @SuppressWarnings("NullAway.Init") // set before each test
    private KnownRelay relay;

    @BeforeEach
    void fillRelay() throws Exception {
        relay = KnownRelay.withArchive(directory.resolve("data"), Files.createDirectory(directory.resolve("archive")));
    }

    @AfterEach
    void stop() throws IOException {
        relay.close();
    }

    private Reply ask(HttpMethod method, String name, String body) {
        HttpHeaders headers = new DefaultHttpHeaders().set(HttpHeaderNames.CONTENT_TYPE, "application/json");
        Call call = new Call("http", method, "/api/v1/pins/" + name, "", headers, body, false);
        return new PinPaths(relay.state()).answer(call, Optional.of(name).filter(n -> !n.isEmpty()));
    }

    private static void answers(int status, String part, Reply reply) {
        assertEquals(status, reply.status().code(), reply::body);
        assertTrue(reply.body().contains(part), reply::body);
    }

    @Test
    void aPinIsPutListedAndDropped() {
        answers(200, "[]", ask(HttpMethod.GET, "", ""));
        Reply put = ask(HttpMethod.PUT, "weekly", "{\"lsn\": \"0/1008000\", \"timeline\": \"1\", \"note\": \"a backup\"}");
        answers(200, "\"lsn\":\"0/1008000\",\"timeline\":1", put);
        answers(200, put.body().strip(), ask(HttpMethod.GET, "", ""));
        assertEquals(put.body(), ask(HttpMethod.PUT, "weekly", "{\"lsn\": \"0/1008000\"}").body(), "the same again changes nothing");
        answers(409, "pin \\\"weekly\\\" exists, and keeps WAL from 0/1008000", ask(HttpMethod.PUT, "weekly", "{\"lsn\": \"0/1009000\"}"));
        answers(200, "weekly", ask(HttpMethod.DELETE, "weekly", ""));
        answers(404, "no pin \\\"weekly\\\"", ask(HttpMethod.DELETE, "weekly", ""));
        assertEquals(2, relay.state().events().recent().stream().filter(e -> e.kind().equals("pin-created")).count());
        assertEquals(1, relay.state().events().recent().stream().filter(e -> e.kind().equals("pin-dropped")).count());
    }

    /** The relay has seen no checkpoint: all that it holds is what a backup might need. */
    @Test
    void withoutAPositionABackupThatBeginsNowIsMeant() {
        answers(200, "\"lsn\":\"0/1000000\"", ask(HttpMethod.PUT, "now", "{}"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "weekly | {\"lsn\": \"here\"} | 400 | here",
        "weekly | {\"position\": \"0/1\"} | 400 | expected {",
        "weekly | nothing | 400 | expected {",
        "weekly | null | 400 | expected {",
        "relay_1 | {} | 400 | are the relays' own",
        "../x | {} | 400 | not a pin's name",
        "weekly | {\"lsn\": \"0/500000\"} | 409 | neither the relay's disk nor the archive has WAL at 0/500000",
        "weekly | {\"lsn\": \"0/1008000\", \"timeline\": \"3\"} | 409 | no timeline",
    })
    void refuses(String name, String body, int status, String part) {
        answers(status, part, ask(HttpMethod.PUT, name, body));
        answers(200, "[]", ask(HttpMethod.GET, "", ""));
    }

    @Test
    void anArchiveThatIsAwayIsNotOneWithoutPins() throws Exception {
        answers(200, "[]", ask(HttpMethod.GET, "", ""));
        Files.delete(directory.resolve("archive/walrelay-archive"));
        answers(503, "could not ask the archive", ask(HttpMethod.GET, "", ""));
        answers(503, "could not ask the archive", ask(HttpMethod.PUT, "weekly", "{}"));
        answers(503, "could not ask the archive", ask(HttpMethod.DELETE, "weekly", ""));
    }

    @Test
    void withoutAnArchiveThereAreNoPins() throws Exception {
        relay.close();
        relay = KnownRelay.streaming(directory.resolve("other"));
        answers(409, "expected archive.url to be set", ask(HttpMethod.GET, "", ""));
    }
}
