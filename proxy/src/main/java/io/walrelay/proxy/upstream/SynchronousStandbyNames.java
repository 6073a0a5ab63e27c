package io.walrelay.proxy.upstream;

import io.walrelay.proxy.acknowledge.NameToken;
import io.walrelay.proxy.acknowledge.NameToken.Kind;
import java.util.List;
import java.util.Optional;

/**
 * Who is named in synchronous_standby_names: {@code a, b}, {@code 2 (a, b)}, {@code FIRST 2 (a, b)} or {@code ANY 2 (a, b)}, each name
 * plain, quoted or {@code *} (syncrep_scanner.l, syncrep_gram.y). Immutable.
 */
record SynchronousStandbyNames(List<String> names) {

    SynchronousStandbyNames {
        names = List.copyOf(names);
    }

    /** Empty for a text that is none: upstream would have refused it, so it is of a form that is not known here. */
    static Optional<SynchronousStandbyNames> parse(String text) {
        return NameToken.allOf(text).map(tokens -> {
            int open = tokens.indexOf(new NameToken(Kind.OPEN, "("));
            return new SynchronousStandbyNames(
                    tokens.subList(open + 1, tokens.size()).stream().filter(NameToken::isName).map(NameToken::text).toList());
        });
    }

    /** Whether commits may wait for the standby of that application_name (syncrep.c, SyncRepGetStandbyPriority). */
    boolean name(String applicationName) {
        return names.stream().anyMatch(n -> n.equals("*") || n.equalsIgnoreCase(applicationName));
    }
}
