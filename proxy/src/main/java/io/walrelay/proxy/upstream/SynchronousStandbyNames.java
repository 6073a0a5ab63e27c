package io.walrelay.proxy.upstream;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Who is named in synchronous_standby_names: {@code a, b}, {@code 2 (a, b)}, {@code FIRST 2 (a, b)} or {@code ANY 2 (a, b)}, each name
 * plain, quoted or {@code *} (syncrep_scanner.l, syncrep_gram.y). Immutable.
 */
record SynchronousStandbyNames(List<String> names) {

    private static final Pattern TOKEN = Pattern.compile(
            "\\s*(?:\"(?<quoted>(?:[^\"]|\"\")+)\"|(?<name>[A-Za-z_\\x{80}-\\x{10ffff}][A-Za-z0-9_$\\x{80}-\\x{10ffff}]*)|(?<number>[0-9]+)|(?<sign>[*,()]))\\s*");

    SynchronousStandbyNames {
        names = List.copyOf(names);
    }

    /** Empty for a text that is none: upstream would have refused it, so it is of a form that is not known here. */
    static Optional<SynchronousStandbyNames> parse(String text) {
        List<String> tokens = new ArrayList<>();
        List<String> names = new ArrayList<>();
        Matcher token = TOKEN.matcher(text);
        int at = 0;
        while (at < text.length() && token.find(at) && token.start() == at) {
            at = token.end();
            if (token.group("quoted") != null) {
                names.add(token.group("quoted").replace("\"\"", "\""));
                tokens.add("name");
            } else if (token.group("name") != null) {
                names.add(token.group("name"));
                tokens.add(isMethod(token.group("name"), text, at) ? "method" : "name");
            } else if (token.group("number") != null) {
                // A number may also be a name.
                names.add(token.group("number"));
                tokens.add("number");
            } else {
                if (token.group("sign").equals("*")) {
                    names.add("*");
                }
                tokens.add(token.group("sign").equals("*") ? "name" : token.group("sign"));
            }
        }
        if (at < text.length()) {
            return text.isBlank() ? Optional.of(new SynchronousStandbyNames(List.of())) : Optional.empty();
        }
        int before = tokens.indexOf("(");
        return Optional.of(new SynchronousStandbyNames(before < 0 ? names : names.subList(before, names.size())));
    }

    private static boolean isMethod(String word, String text, int after) {
        String lower = word.toLowerCase(Locale.ROOT);
        return (lower.equals("first") || lower.equals("any")) && text.indexOf('(', after) > 0;
    }

    /** Whether commits may wait for the standby of that application_name (syncrep.c, SyncRepGetStandbyPriority). */
    boolean name(String applicationName) {
        return names.stream().anyMatch(n -> n.equals("*") || n.equalsIgnoreCase(applicationName));
    }
}
