package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.acknowledge.Promotion;
import io.walrelay.proxy.acknowledge.Remembered;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.StandbyStatus;
import java.util.Comparator;
import java.util.Optional;

/** {@code /api/v1/standbys/{name}/promotable}: 200 when the standby has all that was acknowledged, 409 when not, 404 when nobody knows it. Thread-safe. */
final class PromotablePath {

    /**
     * The answer.
     *
     * @param connected whether it streams now; if not, its slot tells what it had flushed when it did
     * @param lineage that the relay follows, and that {@code acknowledged} lies on
     * @param flushed what the standby has of it; null when that is not known
     * @param missingBytes from there to {@code acknowledged}; null when that is not known
     */
    record Report(
            String standby,
            boolean promotable,
            boolean connected,
            String lineage,
            Optional<String> acknowledged,
            Optional<String> flushed,
            Optional<Long> missingBytes,
            String reason) {}

    private final RelayState relay;

    PromotablePath(RelayState relay) {
        this.relay = relay;
    }

    Reply answer(Call call, String encoded) {
        String name = Call.decoded(encoded);
        Optional<WalCache> cache = relay.cache();
        if (cache.isEmpty()) {
            return Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), "the relay has no WAL yet, so nothing is known of standby \"%s\"".formatted(name));
        }
        Optional<StandbyStatus> session = session(name, cache.get().slots().find(name).isPresent());
        return session.map(PromotablePath::seen)
                .or(() -> cache.get().slots().find(name).map(slot -> new Promotion.Seen(Optional.empty(), Remembered.flushed(cache.get(), slot))))
                .map(seen -> report(name, cache.get(), seen, session.isPresent()))
                .map(report -> Reply.json(report.promotable() ? HttpResponseStatus.OK : HttpResponseStatus.CONFLICT, report))
                .orElseGet(() -> Reply.error(
                        HttpResponseStatus.NOT_FOUND,
                        call.path(),
                        "no standby is called \"%s\"; expected the name of a slot, or the application_name of a standby that streams".formatted(name)));
    }

    /** The one with the slot of that name, or else, where there is no such slot, the one furthest behind that calls itself so. */
    private Optional<StandbyStatus> session(String name, boolean isSlot) {
        return relay.standbys().all().stream()
                .filter(s -> s.timeline().isPresent() && s.state() != StandbyStatus.State.STARTUP)
                .filter(s -> s.slot().equals(Optional.of(name)) || (!isSlot && s.name().equals(name)))
                .min(Comparator.comparing(StandbyStatus::flushed));
    }

    private static Promotion.Seen seen(StandbyStatus standby) {
        return new Promotion.Seen(standby.timeline(), standby.flushed());
    }

    private Report report(String name, WalCache cache, Promotion.Seen seen, boolean connected) {
        Promotion promotion = Promotion.of(cache.end().lineage(), relay.upstream().acknowledged(), seen);
        return new Report(
                name,
                promotion.promotable(),
                connected,
                cache.end().lineage().id(),
                Reports.position(promotion.acknowledged()),
                Reports.position(promotion.reached()),
                promotion.missingBytes(),
                reason(promotion, connected));
    }

    private static String reason(Promotion promotion, boolean connected) {
        if (promotion.promotable()) {
            return "it has flushed all that was acknowledged";
        }
        if (!promotion.onLineage()) {
            return "it follows a timeline that the relay does not: it has to be rewound";
        }
        if (!promotion.reached().isValid()) {
            return "it has not said what it has flushed";
        }
        return "%d bytes of acknowledged WAL are missing; %s"
                .formatted(promotion.missingBytes().orElse(0L), connected ? "wait until it has streamed them from the relay" : "let it stream from the relay");
    }
}
