package io.walrelay.proxy.http;

import io.netty.handler.codec.http.QueryStringDecoder;
import io.walrelay.cache.lookup.LineageSelector;
import io.walrelay.cache.lookup.Mode;
import io.walrelay.cache.lookup.WalQuery;
import io.walrelay.proxy.config.Durations;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.WalFileName;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What {@code /wal/NAME?…} asks for.
 *
 * @param patience how long to wait for a segment that is still to come
 * @param standby who asks, if he says so
 */
record WalRequest(WalQuery query, Duration patience, Optional<String> standby) {

    private static final Set<String> PARAMETERS = Set.of("mode", "wait", "timeline", "standby", "partial");
    private static final String PAD = "pad";
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

    /** @throws IllegalArgumentException with what is wrong and what was expected */
    static WalRequest parse(String name, String query, SegmentSize size) {
        WalFileName file = WalFileName.require(name, size);
        Map<String, List<String>> given = new QueryStringDecoder(query, false).parameters();
        for (Map.Entry<String, List<String>> parameter : given.entrySet()) {
            if (!PARAMETERS.contains(parameter.getKey()) || parameter.getValue().size() > 1) {
                throw new IllegalArgumentException("parameter \"%s\" is unknown or there twice; expected some of mode, wait, timeline, standby, partial".formatted(parameter.getKey()));
            }
        }
        boolean padded = value(given, "partial").map(WalRequest::isPad).orElse(false);
        Mode mode = value(given, "mode").map(Mode::parse).orElse(Mode.STANDBY);
        if (padded && mode == Mode.STANDBY) {
            throw new IllegalArgumentException("partial=pad is not for a standby, which streams what is still being written; expected mode=pitr or mode=rewind with it");
        }
        Duration wait = value(given, "wait").map(Durations::parse).orElse(Duration.ZERO);
        boolean comes = file instanceof WalFileName.Segment;
        return new WalRequest(
                new WalQuery(file, mode, value(given, "timeline").map(LineageSelector::parse), padded),
                comes && wait.compareTo(LONGEST_WAIT) > 0 ? LONGEST_WAIT : comes ? wait : Duration.ZERO,
                value(given, "standby"));
    }

    private static boolean isPad(String text) {
        if (!text.equals(PAD)) {
            throw new IllegalArgumentException("partial=%s; expected partial=pad".formatted(text));
        }
        return true;
    }

    private static Optional<String> value(Map<String, List<String>> given, String name) {
        return Optional.ofNullable(given.get(name)).map(List::getFirst);
    }
}
