package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.walrelay.cache.WalByName;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalHoldings;
import io.walrelay.cache.lookup.Answer;
import io.walrelay.cache.lookup.Mode;
import io.walrelay.proxy.metrics.WalFileCounts;
import io.walrelay.proxy.metrics.WalFileCounts.Outcome;
import io.walrelay.proxy.shaping.FileShape;
import io.walrelay.proxy.shaping.Hold;
import io.walrelay.proxy.shaping.RateLimit;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers to {@code /wal} and {@code /wal/NAME}. Thread-safe; blocks, so for virtual threads. */
final class WalFiles {

    private static final Logger log = LoggerFactory.getLogger(WalFiles.class);

    /** Any size at all has these: while it is not known, names that none has are still told from others. */
    private static final SegmentSize SMALLEST = new SegmentSize(1 << 20);

    static final String NO_WAL = "the relay has no WAL yet: it has not streamed from an upstream so far";

    private static final String RETRY_AFTER = "retry-after";

    /** Names the file that is provably absent. */
    private static final String ABSENT = "x-walrelay-absent";

    private static final long HELD_LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final SegmentWaits waits = new SegmentWaits();
    private final WalFileCounts counts;
    private final RelayState relay;
    private final AtomicReference<@Nullable Held> held = new AtomicReference<>();

    private record Held(WalCache cache, WalByName files, WalHoldings holdings, SegmentSize size) {}

    WalFiles(RelayState relay, WalFileCounts counts) {
        this.counts = counts;
        this.relay = relay;
        relay.whenOpen(this::open);
    }

    private void open(WalCache cache) {
        cache.writer().onFiles(waits::wake);
        held.set(new Held(cache, cache.byName(), new WalHoldings(cache), cache.segmentSize()));
    }

    /** The request's own; ended when the client goes. */
    SegmentWaits.Wait begin() {
        return waits.begin();
    }

    /** What is held. */
    WalReply list(Call call) {
        Held open = held.get();
        return open == null
                ? new WalReply.Plain(Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), NO_WAL).with(RETRY_AFTER, "1"))
                : new WalReply.Plain(Reply.json(HttpResponseStatus.OK, WalReport.of(open.holdings.look(), open.size)));
    }

    WalReply get(Call call, SegmentWaits.Wait wait) {
        Held open = held.get();
        WalRequest request;
        try {
            request = WalRequest.parse(Endpoint.WAL_FILE.parameterOf(call.path()), call.query(), open == null ? SMALLEST : open.size);
        } catch (IllegalArgumentException e) {
            counts.asked(Outcome.BAD_REQUEST, Optional.empty());
            return new WalReply.Plain(Reply.error(HttpResponseStatus.BAD_REQUEST, call.path(), String.valueOf(e.getMessage())));
        }
        if (open == null) {
            return couldNotLook(call, NO_WAL);
        }
        try {
            return answer(call, find(open, request, wait), request.standby().flatMap(relay.shaping()::rate));
        } catch (IOException e) {
            log.atDebug().setCause(e).log("could not look for {}", call.path());
            return couldNotLook(call, "could not look: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return couldNotLook(call, "the relay stops");
        }
    }

    private WalByName.Result find(Held open, WalRequest request, SegmentWaits.Wait wait) throws IOException, InterruptedException {
        if (request.standby().isEmpty()) {
            return find(open, request, Optional.empty(), wait);
        }
        try (FileShape shape = relay.shaping().file(open.cache, request.standby().get(), request.query().name())) {
            return find(open, request, Optional.of(shape), wait);
        }
    }

    private WalByName.Result find(Held open, WalRequest request, Optional<FileShape> shape, SegmentWaits.Wait wait) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + request.patience().toNanos();
        while (true) {
            wait.forget();
            Optional<WalByName.Result> refusal = heldBack(shape, request);
            WalByName.Result result = refusal.isPresent() ? refusal.get() : open.files.find(request.query());
            boolean comes = result instanceof WalByName.Result.Missing(var why) && why instanceof Answer.Missing.NotYet;
            long left = deadline - System.nanoTime();
            if (!comes || !(refusal.isPresent() ? rest(wait, left) : await(wait, left))) {
                return result;
            }
        }
    }

    /** Nobody says when a segment has become old enough. Returns whether it is to be looked at again. */
    private boolean rest(SegmentWaits.Wait wait, long left) throws InterruptedException {
        boolean news = await(wait, Math.min(left, HELD_LOOK_NANOS));
        return news || (left > HELD_LOOK_NANOS && !wait.isOver());
    }

    /**
     * To a standby that is held back, WAL that it may not have yet is WAL that is still to come. A recovery would take that for the end, and has to
     * wait for the end of a pause instead.
     */
    private static Optional<WalByName.Result> heldBack(Optional<FileShape> shape, WalRequest request) throws IOException {
        Optional<Hold> hold = shape.isPresent() ? shape.get().hold() : Optional.empty();
        if (hold.isEmpty()) {
            return Optional.empty();
        }
        String name = request.standby().orElseThrow();
        boolean paused = hold.get().why() == Hold.Why.PAUSED;
        String reason = "standby \"%s\" is %s, and this segment has WAL that it may not have yet; to let it go: walrelay standby %s %s"
                .formatted(name, hold.get(), paused ? "resume" : "release", name);
        if (paused && request.query().mode() != Mode.STANDBY) {
            throw new IOException(reason);
        }
        return Optional.of(new WalByName.Result.Missing(new Answer.Missing.NotYet(reason)));
    }

    private boolean await(SegmentWaits.Wait wait, long nanos) throws InterruptedException {
        counts.waiting(1);
        try {
            return wait.await(nanos);
        } finally {
            counts.waiting(-1);
        }
    }

    private WalReply answer(Call call, WalByName.Result result, Optional<RateLimit> rate) {
        return switch (result) {
            case WalByName.Result.Found(var file) -> {
                counts.asked(Outcome.FOUND, Optional.of(file.tier()));
                yield WalReply.of(file, call, rate);
            }
            case WalByName.Result.Missing(Answer.Missing.NotYet(var reason)) -> absent(call, Outcome.NOT_YET, reason);
            case WalByName.Result.Missing(Answer.Missing.Absent(var reason)) -> absent(call, Outcome.ABSENT, reason);
            case WalByName.Result.NotOnLineage(var why) -> notOnLineage(why);
        };
    }

    private WalReply notOnLineage(Answer.NotOnLineage why) {
        counts.asked(Outcome.NOT_ON_LINEAGE, Optional.empty());
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("error", why.reason());
        why.fork().ifPresent(fork -> body.put("fork", fork.toString()));
        body.put("lineages", why.selectors());
        body.put("hint", why.selectors().isEmpty()
                ? "see /api/v1/status for the relay's lineage"
                : "to get what lies on another lineage, ask in mode pitr or rewind for timeline=" + String.join(" or timeline=", why.selectors()));
        Reply reply = Reply.json(HttpResponseStatus.CONFLICT, body);
        return new WalReply.Plain(why.fork().map(Lsn::toString).map(fork -> reply.with("x-walrelay-fork", fork)).orElse(reply));
    }

    private WalReply couldNotLook(Call call, String reason) {
        counts.asked(Outcome.COULD_NOT_LOOK, Optional.empty());
        return new WalReply.Plain(Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), reason).with(RETRY_AFTER, "1"));
    }

    /** Any server answers 404 to what it does not know: only the header says that a relay has looked for this file. */
    private WalReply absent(Call call, Outcome outcome, String reason) {
        counts.asked(outcome, Optional.empty());
        String name = Endpoint.WAL_FILE.parameterOf(call.path());
        return new WalReply.Plain(Reply.error(HttpResponseStatus.NOT_FOUND, call.path(), reason).with(ABSENT, name));
    }
}
