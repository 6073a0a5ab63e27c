package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The relay has acknowledged 0/100F000; standby a, on slot a, has flushed 0/100E000. */
class PromotablePathTest {

    @TempDir
    private Path directory;

    private static void answers(int status, String part, KnownRelay relay, String path) {
        Endpoint endpoint = Endpoint.at(path).orElseThrow();
        assertEquals(Endpoint.PROMOTABLE, endpoint);
        Reply reply = new PromotablePath(relay.state())
                .answer(new Call("http", HttpMethod.GET, path, "", new DefaultHttpHeaders(), "", false), endpoint.parameterOf(path));
        assertEquals(status, reply.status().code(), reply::body);
        assertTrue(reply.body().contains(part), reply::body);
    }

    @Test
    void saysWhatIsMissing() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            String lineage = relay.state().cache().orElseThrow().end().lineage().id();
            answers(409, "{\"standby\":\"a\",\"promotable\":false,\"connected\":true,\"lineage\":\"" + lineage
                            + "\",\"acknowledged\":\"0/100F000\",\"flushed\":\"0/100E000\",\"missing_bytes\":4096,\"reason\":\"4096 bytes of acknowledged WAL are missing; wait",
                    relay, "/api/v1/standbys/a/promotable");
            relay.state().update(new io.walrelay.proxy.state.UpstreamStatus(
                    io.walrelay.proxy.state.UpstreamStatus.State.WAITING, Optional.empty(), KnownRelay.NOW, Lsn.INVALID, Lsn.INVALID, Lsn.parse("0/100E000"),
                    Optional.empty(), Optional.empty()));
            answers(200, "\"promotable\":true,\"connected\":true", relay, "/api/v1/standbys/a/promotable");
        }
    }

    @Test
    void ofOneThatIsAwayItsSlotTells() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            answers(409, "\"connected\":false,", relay, "/api/v1/standbys/b/promotable");
            answers(409, "\"flushed\":null,\"missing_bytes\":null,\"reason\":\"it has not said what it has flushed\"", relay, "/api/v1/standbys/b/promotable");
            WalCache cache = relay.state().cache().orElseThrow();
            confirms(cache, "0/1008000");
            answers(409, "\"flushed\":\"0/1008000\",\"missing_bytes\":28672,", relay, "/api/v1/standbys/b/promotable");
            cache.slots().advance("b", Lsn.parse("0/100F000"), 1);
            answers(409, "\"flushed\":null,", relay, "/api/v1/standbys/b/promotable");
            confirms(cache, "0/100F000");
            answers(200, "\"promotable\":true,\"connected\":false", relay, "/api/v1/standbys/b/promotable");
        }
    }

    private static void confirms(WalCache cache, String flushed) throws Exception {
        cache.slots().acquire("b", 42);
        cache.slots().confirm("b", 42, Lsn.parse(flushed), cache.oldest());
        cache.slots().release("b", 42);
    }

    /** Whether it had that on timeline 1 or on 2, the slot does not say. */
    @Test
    void whatASlotHasPastAForkProvesNothing() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            WalCache cache = relay.state().cache().orElseThrow();
            confirms(cache, "0/100F000");
            TimelineHistory two = cache.end().lineage().promoted(new TimelineId(2), Lsn.parse("0/100C000"), "");
            cache.follow(two, two.format().getBytes(StandardCharsets.UTF_8), Lsn.INVALID);
            answers(409, "\"flushed\":\"0/100C000\",\"missing_bytes\":12288,", relay, "/api/v1/standbys/b/promotable");
        }
    }

    @Test
    void whoMerelyCallsItselfLikeASlotIsAnother() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            relay.state().standbys().join(43, () -> KnownRelay.standby(43, "b"));
            answers(409, "\"connected\":false,", relay, "/api/v1/standbys/b/promotable");
            relay.state().cache().orElseThrow().slots().drop("b", 1);
            answers(409, "\"connected\":true,", relay, "/api/v1/standbys/b/promotable");
        }
    }

    @Test
    void whoIsUnknownIsNotFoundAndARelayWithoutWalCannotTell() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory);
                KnownRelay empty = KnownRelay.empty()) {
            answers(404, "no standby is called \\\"c d\\\"; expected the name of a slot", relay, "/api/v1/standbys/c%20d/promotable");
            answers(404, "no standby is called \\\"%zz\\\"", relay, "/api/v1/standbys/%zz/promotable");
            answers(503, "no WAL yet", empty, "/api/v1/standbys/a/promotable");
        }
        assertEquals(Optional.of(Endpoint.STANDBY), Endpoint.at("/api/v1/standbys/promotable"));
    }
}
