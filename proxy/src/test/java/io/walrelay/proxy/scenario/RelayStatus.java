package io.walrelay.proxy.scenario;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.time.Duration;
import java.util.function.Predicate;

/** What a relay says of itself on {@code /api/v1/status}. */
final class RelayStatus {

    private RelayStatus() {}

    static StatusReport of(RelayProcess relay) throws IOException, InterruptedException {
        return Json.MAPPER.readValue(relay.get("/api/v1/status").body(), StatusReport.class);
    }

    /** Waits until {@code accepted} holds of the status, which is returned. */
    static StatusReport await(String what, RelayProcess relay, Duration limit, Predicate<StatusReport> accepted) {
        try {
            return Await.until(what, limit, () -> of(relay), accepted);
        } catch (Await.TimedOut e) {
            throw new AssertionError(e.getMessage() + "; the relay's log:\n" + relay.log(), e);
        }
    }

    /** Waits until the relay streams from {@code server}. */
    static StatusReport awaitStreaming(RelayProcess relay, LocalPostgres server, Duration limit) {
        return await(
                "the relay to stream from " + server.name(),
                relay,
                limit,
                s -> s.upstream().state().equals("streaming") && s.upstream().host().orElse("").endsWith(":" + server.port()));
    }

    /** How far the relay acknowledged. */
    static Lsn acknowledged(StatusReport status) {
        return Lsn.parse(status.upstream().acknowledged().orElseThrow());
    }
}
