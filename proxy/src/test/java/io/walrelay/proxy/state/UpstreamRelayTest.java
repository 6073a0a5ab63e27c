package io.walrelay.proxy.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.testkit.KnownRelay;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class UpstreamRelayTest {

    private final RelayState relay = KnownRelay.empty().state();

    /** What a relay knows that streams from {@code relay}. */
    private UpstreamRelay told() {
        return UpstreamRelay.of(UpstreamRelay.answer(relay)).orElseThrow();
    }

    private void streams(Optional<UpstreamRelay> from) {
        relay.update(KnownRelay.upstream(UpstreamStatus.State.STREAMING, Optional.empty()));
        relay.learn(from);
    }

    @Test
    void postgresIsNoRelay() {
        assertEquals(Optional.empty(), UpstreamRelay.of(Map.of("server_version", "18.1")));
        assertFalse(UpstreamRelay.isRelay(Map.of("application_name", "walrelay")));
        assertTrue(UpstreamRelay.isRelay(Map.of("walrelay.relay", "on")));
    }

    @Test
    void theHostsAreNamedFromTheNearestToPostgres() {
        streams(Optional.empty());
        assertEquals(new UpstreamRelay(List.of("pg1:5432"), true), told());
        streams(Optional.of(new UpstreamRelay(List.of("far:6433", "pg0:5432"), true)));
        assertEquals(new UpstreamRelay(List.of("pg1:5432", "far:6433", "pg0:5432"), true), told());
    }

    @Test
    void whereTheChainIsBrokenIsSaid() {
        assertEquals(new UpstreamRelay(List.of(), false), told());
        streams(Optional.of(told()));
        assertEquals(new UpstreamRelay(List.of("pg1:5432"), false), told(), "pg1 is a relay that has lost its upstream");
    }

    @Test
    void whatAServerSaysIsCutToWhatCanBeShown() {
        List<String> ring = IntStream.range(0, 100).mapToObj(i -> "relay" + i).toList();
        UpstreamRelay many = UpstreamRelay.of(Map.of("walrelay.upstreams", String.join(" ", ring))).orElseThrow();
        assertEquals(ring.subList(0, 8), many.hosts());
        assertFalse(many.complete());
        streams(Optional.of(many));
        assertEquals(8, told().hosts().size());
        assertFalse(told().complete());
        UpstreamRelay odd = UpstreamRelay.of(Map.of("walrelay.upstreams", " a\u001b[2J  " + "x".repeat(301))).orElseThrow();
        assertEquals(List.of("a\\u001b[2J"), odd.hosts());
    }

    @Test
    void standbysAreToldNothingOfIt() {
        assertEquals(Map.of("server_version", "18.1"), UpstreamRelay.without(Map.of("server_version", "18.1", "walrelay.upstreams", "pg1:5432")));
    }
}
