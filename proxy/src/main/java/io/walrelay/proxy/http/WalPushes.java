package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.walrelay.cache.Incoming;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalPush;
import io.walrelay.cache.WalPush.Admission;
import io.walrelay.cache.WalPush.Outcome;
import io.walrelay.proxy.metrics.WalFileCounts;
import io.walrelay.proxy.metrics.WalFileCounts.Pushed;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers to {@code PUT /wal/NAME}. Thread-safe; blocks, so for virtual threads. */
final class WalPushes {

    private static final Logger log = LoggerFactory.getLogger(WalPushes.class);

    /** A server archives a segment as soon as it is whole, when the relay may not have all of it yet. */
    private static final Duration CATCH_UP = Duration.ofSeconds(5);

    /** Whether the body of a request is to be read. */
    sealed interface Begin {
        record Read(Incoming file) implements Begin {}

        record Answer(Reply reply) implements Begin {}
    }

    private record Held(WalCache cache, WalPush push) {}

    private final WalFileCounts counts;
    private final WalPush.Archiving archiving;
    private final AtomicReference<@Nullable Held> held = new AtomicReference<>();

    WalPushes(RelayState relay, WalPush.Archiving archiving, WalFileCounts counts) {
        this.counts = counts;
        this.archiving = archiving;
        relay.whenOpen(this::open);
    }

    private void open(WalCache cache) {
        held.set(new Held(cache, new WalPush(cache, archiving)));
    }

    /** @param wait ended when the client goes */
    Begin begin(Call call, SegmentWaits.Wait wait) {
        Held open = held.get();
        if (open == null) {
            return refuse(call, new Outcome.Later(WalFiles.NO_WAL));
        }
        String length = call.headers().get("content-length");
        if (length == null) {
            counts.pushed(Pushed.REFUSED);
            return new Begin.Answer(Reply.error(HttpResponseStatus.LENGTH_REQUIRED, call.path(), "no length; expected the header Content-Length"));
        }
        try {
            if (!call.query().isEmpty()) {
                throw new IllegalArgumentException("parameters \"%s\"; expected none: the file's place follows from its name".formatted(call.query()));
            }
            WalFileName name = WalFileName.require(Endpoint.WAL_FILE.parameterOf(call.path()), open.cache.segmentSize());
            return begin(open.push, name, Long.parseLong(length), call, wait);
        } catch (IllegalArgumentException e) {
            counts.pushed(Pushed.REFUSED);
            return new Begin.Answer(Reply.error(HttpResponseStatus.BAD_REQUEST, call.path(), String.valueOf(e.getMessage())));
        } catch (IOException e) {
            return refuse(call, new Outcome.Later("could not look: " + e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return refuse(call, new Outcome.Later("the relay stops"));
        }
    }

    private Begin begin(WalPush push, WalFileName name, long length, Call call, SegmentWaits.Wait wait) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + CATCH_UP.toNanos();
        while (true) {
            wait.forget();
            switch (push.admit(name, length)) {
                case Admission.Begin(var file) -> {
                    return new Begin.Read(file);
                }
                case Admission.No(var outcome) -> {
                    if (!(outcome instanceof Outcome.Later) || !wait.await(deadline - System.nanoTime())) {
                        return refuse(call, outcome);
                    }
                }
            }
        }
    }

    private Begin refuse(Call call, Outcome outcome) {
        return new Begin.Answer(reply(call, outcome));
    }

    /** Answers to a file that has come whole, which is closed. */
    Reply accept(Call call, Incoming file) {
        WalPush push = Objects.requireNonNull(held.get()).push();
        try (file) {
            return reply(call, push.accept(file));
        } catch (IOException e) {
            log.warn("could not take {}: {}", call.path(), e.getMessage());
            return reply(call, new Outcome.Later("could not take it: " + e.getMessage()));
        }
    }

    private Reply reply(Call call, Outcome outcome) {
        counts.pushed(switch (outcome) {
            case Outcome.Held _ -> Pushed.HELD;
            case Outcome.Stored _ -> Pushed.STORED;
            case Outcome.Conflict _ -> Pushed.CONFLICT;
            case Outcome.Later _, Outcome.DiskFull _ -> Pushed.LATER;
            case Outcome.NotOnHistory _, Outcome.TooLarge _, Outcome.Unfit _ -> Pushed.REFUSED;
        });
        return switch (outcome) {
            case Outcome.Held _ -> Reply.json(HttpResponseStatus.OK, Map.of("result", "held"));
            case Outcome.Stored _ -> Reply.json(HttpResponseStatus.CREATED, Map.of("result", "stored"));
            case Outcome.Conflict(var reason) -> Reply.error(HttpResponseStatus.CONFLICT, call.path(), reason);
            case Outcome.NotOnHistory(var reason, var fork) -> notOnHistory(reason, fork);
            case Outcome.Later(var reason) -> Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), reason).with("retry-after", "5");
            case Outcome.DiskFull(var reason) -> Reply.error(HttpResponseStatus.INSUFFICIENT_STORAGE, call.path(), reason);
            case Outcome.TooLarge(var reason) -> Reply.error(HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE, call.path(), reason);
            case Outcome.Unfit(var reason) -> Reply.error(HttpResponseStatus.UNPROCESSABLE_ENTITY, call.path(), reason);
        };
    }

    private static Reply notOnHistory(String reason, Optional<Lsn> fork) {
        Map<String, String> body = new LinkedHashMap<>();
        body.put("error", reason);
        fork.ifPresent(lsn -> body.put("fork", lsn.toString()));
        body.put("hint", "the server that pushes this is not on the relay's history: if it should be, walrelay follow it; else it has to be rewound");
        Reply reply = Reply.json(HttpResponseStatus.CONFLICT, body);
        return fork.map(Lsn::toString).map(lsn -> reply.with("x-walrelay-fork", lsn)).orElse(reply);
    }
}
