package io.walrelay.proxy.state;

import io.walrelay.proxy.auth.ClientText;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An upstream that is a relay itself, and how relays know each other. Who streams says {@link #MARK} when its session starts, a parameter that any
 * PostgreSQL takes and forgets, for its name has a dot (guc.c, add_placeholder_variable). A relay that hears it answers with whom it streams from,
 * which nobody else is sent.
 *
 * @param hosts whom it streams from, then whom that one does, and so on, as it said when it was looked at last
 * @param complete whether the last of them is PostgreSQL; otherwise the last relay streams from nobody now, or there are too many to tell
 */
public record UpstreamRelay(List<String> hosts, boolean complete) {

    /** In the start of a relay's session. */
    public static final Map<String, String> MARK = Map.of("walrelay.relay", "on");

    private static final String ANSWER = "walrelay.upstreams";
    private static final String NOBODY = "-";
    private static final int MOST = 8;

    /** A name of the DNS has 253 characters. */
    private static final int LONGEST_HOST = 300;

    public UpstreamRelay {
        hosts = List.copyOf(hosts);
    }

    /** Whether whoever starts a session with these parameters is a relay. */
    public static boolean isRelay(Map<String, String> startup) {
        return startup.keySet().containsAll(MARK.keySet());
    }

    /** What a relay in that state answers to another. */
    public static Map<String, String> answer(RelayState relay) {
        Optional<String> next = relay.upstream().streamingFrom();
        Stream<String> beyond = relay.upstreamRelay().filter(_ -> next.isPresent()).stream().flatMap(UpstreamRelay::words);
        Stream<String> words = next.isPresent() ? Stream.concat(next.stream(), beyond) : Stream.of(NOBODY);
        return Map.of(ANSWER, words.limit(MOST + 1).collect(Collectors.joining(" ")));
    }

    private Stream<String> words() {
        return complete ? hosts.stream() : Stream.concat(hosts.stream(), Stream.of(NOBODY));
    }

    /** The relay that sent these parameters; empty when they are of no relay. What it says is cut to what can be shown. */
    public static Optional<UpstreamRelay> of(Map<String, String> parameters) {
        return Optional.ofNullable(parameters.get(ANSWER)).map(text -> {
            List<String> words = Arrays.stream(text.split(" ", -1)).filter(word -> !word.isEmpty() && word.length() <= LONGEST_HOST).map(ClientText::printable).toList();
            List<String> hosts = words.stream().filter(word -> !word.equals(NOBODY)).limit(MOST).toList();
            return new UpstreamRelay(hosts, !hosts.isEmpty() && hosts.size() == words.size());
        });
    }

    /** Without what a relay says of itself, which is not of upstream's cluster. */
    public static Map<String, String> without(Map<String, String> parameters) {
        Map<String, String> others = new HashMap<>(parameters);
        others.remove(ANSWER);
        return others;
    }
}
