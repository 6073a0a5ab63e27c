package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.metrics.RelayMetrics;
import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.state.ProcessFacts;
import io.walrelay.proxy.state.Readiness;
import io.walrelay.proxy.state.RelayState;
import java.io.IOException;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What each path answers. Thread-safe. */
final class Api {

    private static final String EXPECTED_ORDER = "{\"follow\": \"HOST[:PORT] or TIMELINE[@LSN]\"}";

    /** The body of a POST to /api/v1/upstream. */
    record FollowRequest(@Nullable String follow) {}

    private final RelayState relay;
    private final RelayMetrics metrics;
    private final Reports reports;
    private final PromotablePath promotable;
    private final SlotPaths slots;
    private final StandbyPaths standbys;
    private final PinPaths pins;
    private final WhyPath why;
    private final Orders orders;
    private final LagHistory history;
    private final Optional<String> advertised;

    Api(RelayState relay, ProcessFacts process, RelayMetrics metrics, Orders orders) {
        this.relay = relay;
        this.metrics = metrics;
        this.promotable = new PromotablePath(relay);
        this.slots = new SlotPaths(relay);
        this.standbys = new StandbyPaths(relay);
        this.reports = new Reports(relay, process, slots);
        this.pins = new PinPaths(relay);
        this.why = new WhyPath(relay, process);
        this.orders = orders;
        this.history = new LagHistory(relay);
        this.advertised = process.url().map(URI::toString);
    }

    /** Answers a request with an admitted method. May touch the disk, and for pins the archive, so not for an event loop. */
    Reply answer(Endpoint endpoint, Call call) {
        return switch (endpoint) {
            case HEALTHZ -> health();
            case READYZ -> readiness();
            case METRICS -> Reply.of(HttpResponseStatus.OK, RelayMetrics.CONTENT_TYPE, metrics.scrape());
            case STATUS -> Reply.json(HttpResponseStatus.OK, reports.status());
            case STANDBYS -> Reply.json(HttpResponseStatus.OK, reports.standbys());
            case PROMOTABLE -> promotable.answer(call, endpoint.parameterOf(call.path()));
            case WHY -> why.answer(call, Call.decoded(endpoint.parameterOf(call.path())));
            case STANDBY -> standbys.answer(call, endpoint.parameterOf(call.path()));
            case SLOTS -> slots.answer(call, Optional.empty());
            case PEER -> slots.answerPeer(call);
            case SLOT -> slots.answer(call, Optional.of(endpoint.parameterOf(call.path())));
            case UPSTREAM -> call.method().equals(HttpMethod.POST)
                    ? follow(call)
                    : Reply.json(HttpResponseStatus.OK, reports.upstream());
            case RELOAD -> reload(call);
            case TIMELINES -> Reply.json(HttpResponseStatus.OK, reports.timelines());
            case TIERS -> Reply.json(HttpResponseStatus.OK, reports.tiers());
            case HISTORY -> Reply.json(HttpResponseStatus.OK, history.report());
            case EVENTS -> Reply.json(
                    HttpResponseStatus.OK, relay.events().recent().stream().map(Reports::event).toList());
            case PINS -> pins.answer(call, Optional.empty());
            case PIN -> pins.answer(call, Optional.of(endpoint.parameterOf(call.path())));
            case RESTORE_SH -> Reply.of(HttpResponseStatus.OK, RestoreScript.CONTENT_TYPE, RestoreScript.asking(advertised.or(call::asked)));
            case PAGE, PAGE_FILE, WAL, WAL_FILE, CHANGES, SEGMENTS, LSN, STATS -> throw new IllegalArgumentException("not answered here: " + call.path());
        };
    }

    /** What the dashboard's stream has of this moment; may touch the disk. */
    Snapshot snapshot() {
        return reports.snapshot();
    }

    LagHistory history() {
        return history;
    }

    /** Answers while the process is up, whatever the disk does. */
    static Reply health() {
        return Reply.text(HttpResponseStatus.OK, "ok").with(HttpHeaderNames.CACHE_CONTROL.toString(), "no-store");
    }

    Reply readiness() {
        Readiness readiness = Readiness.of(relay);
        String reasons = readiness.reasons().entrySet().stream()
                .map(reason -> reason.getKey() + ": " + reason.getValue())
                .collect(Collectors.joining("\n"));
        return readiness.ready()
                ? Reply.text(HttpResponseStatus.OK, "ready")
                : Reply.text(HttpResponseStatus.SERVICE_UNAVAILABLE, reasons);
    }

    private Reply follow(Call call) {
        Optional<Reply> refusal = JsonBody.refuse(call);
        if (refusal.isPresent()) {
            return refusal.get();
        }
        try {
            String order = JsonBody.read(call, FollowRequest.class, EXPECTED_ORDER).follow();
            if (order == null) {
                throw new IllegalArgumentException("nothing to follow in the body; expected " + EXPECTED_ORDER);
            }
            orders.follow(FollowOrder.parse(order));
            return Reply.json(HttpResponseStatus.ACCEPTED, Map.of("follow", order));
        } catch (IllegalArgumentException e) {
            return Reply.error(HttpResponseStatus.BAD_REQUEST, call.path(), String.valueOf(e.getMessage()));
        }
    }

    private Reply reload(Call call) {
        Optional<Reply> refusal = JsonBody.refuse(call);
        if (refusal.isPresent()) {
            return refusal.get();
        }
        try {
            return Reply.json(HttpResponseStatus.OK, ReloadReport.of(orders.reload()));
        } catch (InvalidSettingsException | IOException e) {
            return Reply.error(HttpResponseStatus.UNPROCESSABLE_ENTITY, call.path(), "nothing was taken up: " + e.getMessage());
        }
    }
}
