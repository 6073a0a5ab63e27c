package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.walrelay.cache.slot.Slot;
import io.walrelay.proxy.state.Event;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Slots a, in use by session 41, and b, which nobody uses. */
class SlotPathsTest {

    @TempDir
    private Path directory;

    @SuppressWarnings("NullAway.Init") // set before each test
    private KnownRelay relay;

    @BeforeEach
    void fillRelay() throws Exception {
        relay = KnownRelay.streaming(directory.resolve("data"));
    }

    @AfterEach
    void stop() throws IOException {
        relay.close();
    }

    private Reply ask(HttpMethod method, String name, String body) {
        HttpHeaders headers = new DefaultHttpHeaders().set(HttpHeaderNames.CONTENT_TYPE, "application/json");
        Call call = new Call("http", method, "/api/v1/slots/" + name, "", headers, body, false);
        return new SlotPaths(relay.state()).answer(call, Optional.of(name).filter(n -> !n.isEmpty()));
    }

    private static void answers(int status, String part, Reply reply) {
        assertEquals(status, reply.status().code(), reply::body);
        assertTrue(reply.body().contains(part), reply::body);
    }

    private Optional<Slot> slot(String name) {
        return relay.state().cache().orElseThrow().slots().find(name);
    }

    private List<String> events() {
        return relay.state().events().recent().stream().map(Event::kind).filter(kind -> kind.startsWith("slot-")).toList();
    }

    /** The relay has seen no checkpoint: all that it holds is what a backup might need. */
    @Test
    void aSlotIsMadeShownAndDropped() {
        Reply made = ask(HttpMethod.PUT, "c", "{}");
        answers(200, "\"name\":\"c\",\"temporary\":false,\"active_pid\":null,\"inactive_since\":null,\"restart_lsn\":\"0/1000000\"", made);
        answers(200, made.body().strip(), ask(HttpMethod.GET, "", ""));
        answers(200, "\"restart_lsn\":null,\"furthest_sent\":null,\"retained_bytes\":null,\"safe_bytes\":null,\"wal_status\":null", ask(HttpMethod.PUT, "d", "{\"reserve_wal\": false}"));
        answers(409, "already exists", ask(HttpMethod.PUT, "c", "{}"));
        answers(200, "c", ask(HttpMethod.DELETE, "c", ""));
        answers(404, "does not exist (42704)", ask(HttpMethod.DELETE, "c", ""));
        assertEquals(List.of("slot-created", "slot-created", "slot-dropped"), events());
    }

    @Test
    void aSlotThatIsInUseIsCopiedButNotDroppedOrMoved() {
        answers(200, "\"active_pid\":null,\"inactive_since\":null,\"restart_lsn\":\"0/100C000\"", ask(HttpMethod.PUT, "c", "{\"copy_of\": \"a\"}"));
        answers(409, "is active for PID 41 (55006)", ask(HttpMethod.DELETE, "a", ""));
        answers(409, "is active for PID 41 (55006)", ask(HttpMethod.POST, "a", "{\"restart_lsn\": \"0/100D000\"}"));
        assertEquals(List.of("slot-created"), events());
    }

    @Test
    void aTemporarySlotHasNoCopyThatWouldGoWithNoSession() throws Exception {
        relay.state().cache().orElseThrow().slots().create("t", true, KnownRelay.BEGAN, 41);
        answers(400, "would be temporary", ask(HttpMethod.PUT, "c", "{\"copy_of\": \"t\"}"));
        answers(400, "would be temporary", ask(HttpMethod.PUT, "c", "{\"temporary\": true}"));
        answers(200, "\"temporary\":false", ask(HttpMethod.PUT, "c", "{\"copy_of\": \"t\", \"temporary\": false}"));
    }

    @Test
    void aSlotIsAdvancedToWhereWalIsFlushedAtMost() {
        answers(200, "\"restart_lsn\":\"0/1009000\"", ask(HttpMethod.POST, "b", "{\"restart_lsn\": \"0/1009000\"}"));
        answers(409, "cannot advance replication slot to 0/1008FFF, minimum is 0/1009000 (55000)", ask(HttpMethod.POST, "b", "{\"restart_lsn\": \"0/1008FFF\"}"));
        answers(200, "\"restart_lsn\":\"0/1010000\"", ask(HttpMethod.POST, "b", "{\"restart_lsn\": \"0/2000000\"}"));
        assertEquals(KnownRelay.WRITTEN, slot("b").orElseThrow().savedRestartLsn());
        assertEquals(List.of("slot-advanced", "slot-advanced"), events());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "PUT | No | {} | 400 | contains invalid character",
        "PUT | c | {\"copy_of\": \"none\"} | 404 | does not exist (42704)",
        "PUT | b | {\"copy_of\": \"a\"} | 409 | already exists (42710)",
        "PUT | c | {\"copy_of\": \"a\", \"reserve_wal\": true} | 400 | a copy reserves what its source does; expected {",
        "PUT | c | {\"reserve\": true} | 400 | expected {",
        "PUT | c | null | 400 | expected {",
        "POST | b | {} | 400 | no position in the body",
        "POST | b | {\"restart_lsn\": \"here\"} | 400 | here",
        "POST | b | {\"restart_lsn\": \"0/0\"} | 400 | invalid target WAL LSN (XX000)",
        "POST | none | {\"restart_lsn\": \"0/1009000\"} | 404 | does not exist (42704)",
        "DELETE | a/b | {} | 404 | does not exist (42704)",
    })
    void refuses(String method, String name, String body, int status, String part) {
        answers(status, part, ask(HttpMethod.valueOf(method), name, body));
        assertEquals(2, relay.state().cache().orElseThrow().slots().all().size());
        assertEquals(List.of(), events());
    }

    @Test
    void onlyJsonIsRead() {
        Call form = new Call("http", HttpMethod.PUT, "/api/v1/slots/c", "", new DefaultHttpHeaders().set(HttpHeaderNames.CONTENT_TYPE, "text/plain"), "{}", false);
        answers(415, "expected application/json", new SlotPaths(relay.state()).answer(form, Optional.of("c")));
    }

    @Test
    void takesOverSlotsOfAnotherServer() {
        String slots = "[{\"name\": \"a\", \"restart_lsn\": \"0/1009000\"}, {\"name\": \"s1\", \"restart_lsn\": \"0/1009000\"},"
                + " {\"name\": \"s2\", \"restart_lsn\": \"0/FFFFFF\"}, {\"name\": \"s3\", \"restart_lsn\": null}]";
        String body = "{\"system_id\": \"7000000000000000001\", \"timeline\": 1, \"slots\": %s}".formatted(slots);
        Reply reply = ask(HttpMethod.POST, "", body);
        answers(200, "{\"name\":\"a\",\"outcome\":\"kept\",\"restart_lsn\":null,\"reason\":null}", reply);
        answers(200, "{\"name\":\"s1\",\"outcome\":\"imported\",\"restart_lsn\":\"0/1009000\",\"reason\":null}", reply);
        answers(200, "{\"name\":\"s2\",\"outcome\":\"refused\",\"restart_lsn\":null,\"reason\":\"it needs WAL from 0/FFFFFF on", reply);
        answers(200, "{\"name\":\"s3\",\"outcome\":\"refused\",\"restart_lsn\":null,\"reason\":\"it reserves no WAL", reply);
        assertEquals(Lsn.parse("0/1009000"), slot("s1").orElseThrow().restartLsn());
        assertEquals(List.of("slot-imported"), events());
    }

    @Test
    void aSlotForARewindIsAnEventOfItsOwn() {
        String body = "{\"system_id\": \"7000000000000000001\", \"timeline\": 1, \"rewind\": true, \"slots\": [{\"name\": \"rewound_pg1\", \"restart_lsn\": \"0/1009000\"}]}";
        answers(200, "\"outcome\":\"imported\"", ask(HttpMethod.POST, "", body));
        Event event = relay.state().events().recent().getLast();
        assertEquals("rewind", event.kind());
        assertEquals("a server is rewound and will stream with slot \"rewound_pg1\": its replay starts at 0/1009000 on timeline 1", event.text());
        answers(200, "\"outcome\":\"kept\"", ask(HttpMethod.POST, "", body));
        assertEquals(event, relay.state().events().recent().getLast(), "nothing was made the second time");
        assertEquals(List.of(), events());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"system_id\": \"1\", \"timeline\": 1, \"slots\": []} | 409 | the slots are of cluster 1",
        "{\"timeline\": 1, \"slots\": []} | 400 | something is missing",
        "{\"system_id\": \"7000000000000000001\", \"timeline\": 1, \"slots\": [null]} | 400 | something is missing",
        "{\"system_id\": \"7000000000000000001\", \"timeline\": 1, \"slots\": [{}]} | 400 | a slot without a name",
        "{\"system_id\": \"7000000000000000001\", \"timeline\": 1, \"slots\": [{\"name\": \"s\"}, {\"name\": \"s\"}]} | 400 | expected each slot once",
        "{\"system_id\": \"7000000000000000001\", \"timeline\": 0, \"slots\": []} | 400 | 0",
        "{\"system_id\": \"x\", \"timeline\": 1, \"slots\": []} | 400 | x",
    })
    void refusesAnImportThatItCannotRead(String body, int status, String part) {
        answers(status, part, ask(HttpMethod.POST, "", body));
        assertEquals(List.of(), events());
    }

    @Test
    void aRelayWithoutWalHasNoSlots() throws IOException {
        relay.close();
        relay = KnownRelay.empty();
        answers(200, "[]", ask(HttpMethod.GET, "", ""));
        answers(503, "no upstream was seen", ask(HttpMethod.PUT, "c", "{}"));
    }
}
