package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.feedback.FeedbackLimits;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.slotsync.WaitsFor;
import io.walrelay.proxy.state.Event;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.testkit.KnownRelay;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Standby a streams; slot b is nobody's. */
final class StandbyPathsTest {

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

    private Reply post(String below, String type, String body) {
        HttpHeaders headers = new DefaultHttpHeaders().set(HttpHeaderNames.CONTENT_TYPE, type);
        return new StandbyPaths(relay.state()).answer(new Call("http", HttpMethod.POST, "/api/v1/standbys/" + below, "", headers, body, false), below);
    }

    private static void answers(int status, String part, Reply reply) {
        assertEquals(status, reply.status().code(), reply::body);
        assertTrue(reply.body().contains(part), reply::body);
    }

    private List<String> events() {
        return relay.state().events().recent().stream().map(Event::kind).filter(kind -> kind.startsWith("standby-")).toList();
    }

    @Test
    void aStandbyIsPausedReleasedAndResumed() {
        String json = "application/json";
        answers(200, "{\"name\":\"a\",\"delay_seconds\":null,\"rate_bytes\":null,\"paused\":true,\"released\":null,\"warning\":null}", post("a/pause", json, "{}"));
        answers(200, "\"paused\":true,\"released\":\"0/100", post("a/release", json, "{\"lsn\": \"0/100C000\"}"));
        answers(200, "\"paused\":true,\"released\":\"0/10", post("a/release", json, "{}"));
        answers(200, "\"paused\":false,\"released\":\"0/10", post("a/resume", json, "{}"));
        assertEquals(List.of("standby-paused", "standby-released", "standby-released", "standby-resumed"), events());
        assertEquals(List.of("a"), relay.state().shaping().all().stream().map(shaped -> shaped.name()).toList());
    }

    /** By its slot, and by the name of its session, whose slot is the member. */
    @ParameterizedTest
    @ValueSource(strings = {"a", "reports"})
    void whoeverPausesAMemberIsToldThatCommitsMayWait(String name) {
        RelayState state = new RelayState(
                Clock.systemUTC(),
                KnownRelay.upstream(UpstreamStatus.State.STREAMING, Optional.empty()),
                new AcknowledgePolicy.All(List.of("A")),
                new SlotSync(WaitsFor.NOBODY, "walrelay"),
                FeedbackLimits.DEFAULT);
        for (String standby : List.of("a", "reports")) {
            state.standbys().join(standby.hashCode(), () -> KnownRelay.standby(standby.hashCode(), standby));
        }
        HttpHeaders headers = new DefaultHttpHeaders().set(HttpHeaderNames.CONTENT_TYPE, "application/json");
        Function<String, Reply> say = verb -> new StandbyPaths(state)
                .answer(new Call("http", HttpMethod.POST, "/api/v1/standbys/" + name + "/" + verb, "", headers, "{}", false), name + "/" + verb);
        answers(200, "\"warning\":\"commits may wait for it, a member of upstream.acknowledge, all (A)\"", say.apply("pause"));
        Event event = state.events().recent().getLast();
        assertEquals(Event.Severity.WARNING, event.severity());
        assertTrue(event.text().endsWith("; commits may wait for it, a member of upstream.acknowledge, all (A)"), event.text());
        answers(200, "\"warning\":null", say.apply("resume"));
    }

    @Test
    void aSlotWithoutASessionHasAName() {
        answers(200, "\"name\":\"b\"", post("%62/pause", "application/json", "{}"));
        answers(200, "\"paused\":false", post("b/resume", "application/json", "{}"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "c/pause | {} | 404 | no standby \\\"c\\\": no session, slot or entry of standbys.named has that name",
        "a/stop | {} | 404 | expected /api/v1/standbys/NAME/pause, resume or release",
        "a | {} | 404 | expected /api/v1/standbys/NAME/pause",
        "/pause | {} | 404 | expected /api/v1/standbys/NAME/pause",
        "a/b/pause | {} | 404 | no standby \\\"a/b\\\"",
        "%zz/pause | {} | 400 | %zz",
        "a/pause | {\"lsn\": \"0/1\"} | 400 | a position in the body of pause",
        "a/release | {\"lsn\": \"0/2000000\"} | 400 | the relay's WAL ends at 0/1010000",
        "a/release | {\"lsn\": \"here\"} | 400 | here",
        "a/release | {\"to\": \"0/1\"} | 400 | expected {",
        "a/release | null | 400 | expected {",
    })
    void refuses(String below, String body, int status, String part) {
        answers(status, part, post(below, "application/json", body));
        assertEquals(List.of(), events());
        assertEquals(List.of(), relay.state().shaping().all());
    }

    @Test
    void onlyJsonIsRead() {
        answers(415, "expected application/json", post("a/pause", "text/plain", "{}"));
    }
}
