package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.walrelay.cache.ChangeIndex;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.lookup.LineageSelector;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code /api/v1/changes}, {@code /api/v1/segments}, {@code /api/v1/lsn} and {@code /api/v1/stats}: what the WAL on the relay's disk changes, when it was written, and whose it
 * is. Thread-safe; blocks, so for virtual threads.
 */
final class ChangesPaths {

    private static final Logger log = LoggerFactory.getLogger(ChangesPaths.class);
    private static final String RETRY_AFTER = "retry-after";

    /** Each merged answer holds some tens of megabytes while it is made. */
    static final int MERGED_AT_ONCE = 2;

    /** The answer of {@code /api/v1/lsn}. {@code lsn} is where the commit's record ends: a server that has replayed up to it has the transaction. */
    record CommitReport(String time, String lsn, String record, String timeline, String segment) {}

    private final RelayState relay;
    private final Semaphore merging;

    /** @param merging has a permit for each of {@link #MERGED_AT_ONCE} */
    ChangesPaths(RelayState relay, Semaphore merging) {
        this.relay = relay;
        this.merging = merging;
    }

    /** One of the endpoints of this. */
    WalReply answer(Endpoint endpoint, Call call) {
        Optional<WalCache> cache = relay.cache();
        if (cache.isEmpty()) {
            return plain(Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), WalFiles.NO_WAL).with(RETRY_AFTER, "1"));
        }
        try {
            return switch (endpoint) {
                case CHANGES -> changes(call, cache.get());
                case SEGMENTS -> segments(call, cache.get());
                case LSN -> plain(lsn(call, cache.get()));
                case STATS -> plain(Reply.json(HttpResponseStatus.OK, stats(call, cache.get())));
                default -> throw new IllegalArgumentException("not answered here: " + endpoint);
            };
        } catch (IllegalArgumentException e) {
            return plain(Reply.error(HttpResponseStatus.BAD_REQUEST, call.path(), String.valueOf(e.getMessage())));
        } catch (IOException e) {
            log.atDebug().setCause(e).log("could not look for {}", call.path());
            return plain(Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), "could not look: " + e.getMessage()).with(RETRY_AFTER, "1"));
        }
    }

    private static WalReply plain(Reply reply) {
        return new WalReply.Plain(reply);
    }

    private WalReply changes(Call call, WalCache cache) throws IOException {
        Map<String, String> given = parameters(call, "timeline", "from", "to", "merged");
        boolean merged = merged(given);
        Lsn from = from(given);
        ChangeIndex index = cache.changeIndex();
        LineageSelector selector = selector(given, cache);
        List<TimelineHistory> lineages = index.lineages(selector);
        if (lineages.size() != 1) {
            return plain(notOne(call, selector, lineages));
        }
        TimelineHistory lineage = lineages.getFirst();
        boolean toTheLast = merged && !given.containsKey("to");
        Lsn to = toTheLast ? index.lastRecordEnd(lineage, from) : to(given, from);
        if (toTheLast && !index.holds(lineage, from)) {
            return plain(notHeld(from));
        }
        return switch (index.changes(lineage, from, to)) {
            case ChangeIndex.NotHeld(var at) -> plain(notHeld(at));
            case ChangeIndex.Stretch stretch -> merged ? merge(stretch, to) : new WalReply.Lines(new ChangesBody(stretch));
        };
    }

    private WalReply merge(ChangeIndex.Stretch stretch, Lsn to) throws IOException {
        if (!merging.tryAcquire()) {
            stretch.close();
            String busy = "%d stretches are being merged, as many as memory is for; try again".formatted(MERGED_AT_ONCE);
            return plain(Reply.json(HttpResponseStatus.SERVICE_UNAVAILABLE, Map.of("error", busy)).with(RETRY_AFTER, "1"));
        }
        return new WalReply.Lines(new MergedBody(stretch, to, merging::release));
    }

    private static WalReply segments(Call call, WalCache cache) {
        Map<String, String> given = parameters(call, "timeline", "from", "to");
        Lsn from = from(given);
        Lsn to = to(given, from);
        ChangeIndex index = cache.changeIndex();
        LineageSelector selector = selector(given, cache);
        List<TimelineHistory> lineages = index.lineages(selector);
        return lineages.size() == 1
                ? new WalReply.Lines(new SegmentsBody(index, lineages.getFirst(), cache.segmentSize(), from, to, index.end()))
                : plain(notOne(call, selector, lineages));
    }

    private static boolean merged(Map<String, String> given) {
        return switch (given.getOrDefault("merged", "false")) {
            case "true" -> true;
            case "false" -> false;
            case String other -> throw new IllegalArgumentException("merged=%s; expected true or false".formatted(other));
        };
    }

    private static Lsn from(Map<String, String> given) {
        return Lsn.parse(required(given, "from", "a position like 0/3000028"));
    }

    private static Lsn to(Map<String, String> given, Lsn from) {
        Lsn to = Lsn.parse(required(given, "to", "a position like 0/5000000"));
        if (to.isBefore(from)) {
            throw new IllegalArgumentException("from=%s and to=%s; expected to to be no less".formatted(from, to));
        }
        return to;
    }

    private static LineageSelector selector(Map<String, String> given, WalCache cache) {
        return LineageSelector.parse(given.getOrDefault("timeline", cache.end().lineage().id()));
    }

    private static Reply notOne(Call call, LineageSelector selector, List<TimelineHistory> lineages) {
        return lineages.isEmpty()
                ? Reply.error(HttpResponseStatus.NOT_FOUND, call.path(), "the relay holds no WAL of timeline %s on its disk".formatted(selector))
                : Reply.error(HttpResponseStatus.CONFLICT, call.path(), "timeline %s is more than one: expected one of %s"
                        .formatted(selector, String.join(", ", lineages.stream().map(TimelineHistory::id).toList())));
    }

    private static Reply notHeld(Lsn at) {
        Map<String, String> body = new LinkedHashMap<>();
        body.put("error", "the relay's disk has no WAL at %s of that timeline".formatted(at));
        body.put("not_held", at.toString());
        return Reply.json(HttpResponseStatus.NOT_FOUND, body);
    }

    private static Reply lsn(Call call, WalCache cache) throws IOException {
        Instant time = time(required(parameters(call, "time"), "time", "a time like 2026-11-29T14:30:00Z"));
        SegmentSize size = cache.segmentSize();
        return cache.changeIndex().firstCommit(time)
                .map(commit -> Reply.json(HttpResponseStatus.OK, new CommitReport(
                        commit.time().toString(),
                        commit.end().toString(),
                        commit.at().toString(),
                        commit.segment().timeline().toString(),
                        new WalFileName.Segment(commit.segment()).fileName(size))))
                .orElseGet(() -> Reply.error(HttpResponseStatus.NOT_FOUND, call.path(), "no transaction on the relay's disk was committed at %s or later".formatted(time)));
    }

    private static StatsReport stats(Call call, WalCache cache) throws IOException {
        Map<String, String> given = parameters(call, "from", "relations");
        Lsn from = given.containsKey("from") ? Lsn.parse(given.get("from")) : cache.oldest();
        String relations = given.getOrDefault("relations", String.valueOf(StatsReport.MOST_RELATIONS));
        if (!relations.matches("[0-9]{1,4}") || Integer.parseInt(relations) > StatsReport.MOST_RELATIONS) {
            throw new IllegalArgumentException("relations=%s; expected a number from 0 to %d".formatted(relations, StatsReport.MOST_RELATIONS));
        }
        return StatsReport.of(cache.changeIndex().summary(from), Integer.parseInt(relations));
    }

    private static Instant time(String text) {
        try {
            // In a query a plus sign means a blank.
            return OffsetDateTime.parse(text.replace(' ', '+')).toInstant();
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("time=%s; expected a time in ISO 8601 with its zone, like 2026-11-29T14:30:00Z".formatted(text), e);
        }
    }

    private static Map<String, String> parameters(Call call, String... known) {
        Map<String, String> all = new LinkedHashMap<>();
        new QueryStringDecoder(call.query(), false).parameters().forEach((name, values) -> {
            if (!List.of(known).contains(name) || values.size() > 1) {
                throw new IllegalArgumentException("parameter \"%s\" is unknown or there twice; expected %s".formatted(name, String.join(", ", known)));
            }
            all.put(name, values.getFirst());
        });
        return all;
    }

    private static String required(Map<String, String> given, String name, String expected) {
        String value = given.get(name);
        if (value == null) {
            throw new IllegalArgumentException("parameter \"%s\" is missing; expected %s".formatted(name, expected));
        }
        return value;
    }
}
