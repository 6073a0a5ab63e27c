package io.walrelay.proxy.state;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the operator said with {@code walrelay follow}: a host, or a timeline wherever it is found. */
public sealed interface FollowOrder {

    Pattern TIMELINE = Pattern.compile("(?<tli>[0-9]+)(?:@(?<begin>.*))?");
    Pattern HOST = Pattern.compile("(?:\\[(?<v6>[^\\[\\]]+)]|(?<host>[^:\\[\\]\\s@]+))(?::(?<port>[0-9]{1,5}))?");

    /** {@code HOST[:PORT]}. Without a port, the host of that name in the connection string. */
    record Host(String host, Optional<Integer> port) implements FollowOrder {
        public boolean names(HostAddress address) {
            return (address.host().equals(host) || address.target().equals(host)) && port.map(p -> p == address.port()).orElse(true);
        }

        @Override
        public String toString() {
            return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + port.map(p -> ":" + p).orElse("");
        }
    }

    /** {@code TIMELINE[@LSN]}: the LSN is where the timeline begins, for a number that was taken twice. */
    record Timeline(TimelineId timeline, Optional<Lsn> begin) implements FollowOrder {
        @Override
        public String toString() {
            return timeline + begin.map(lsn -> "@" + lsn).orElse("");
        }
    }

    /**
     * Reads the argument of {@code walrelay follow}. A number alone is a timeline.
     *
     * @throws IllegalArgumentException naming it and what was expected
     */
    static FollowOrder parse(String text) {
        Matcher timeline = TIMELINE.matcher(text);
        if (timeline.matches()) {
            return new Timeline(
                    TimelineId.parse(timeline.group("tli")), Optional.ofNullable(timeline.group("begin")).map(Lsn::parse));
        }
        Matcher host = HOST.matcher(text);
        if (host.matches()) {
            Optional<Integer> port = Optional.ofNullable(host.group("port")).map(Integer::valueOf);
            if (port.map(p -> p >= 1 && p <= 65535).orElse(true)) {
                return new Host(host.group("v6") != null ? host.group("v6") : host.group("host"), port);
            }
        }
        throw new IllegalArgumentException("not an upstream: \"%s\"; expected HOST[:PORT] or TIMELINE[@LSN]".formatted(text));
    }
}
