package io.walrelay.proxy.acknowledge;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Whose confirmation it takes before the relay acknowledges WAL upstream, beside its own (syncrep.c has the same for a primary's commits). A
 * member is named by its slot on the relay, or else by its application_name, in any case. Immutable.
 */
public sealed interface AcknowledgePolicy {

    String EXPECTED = "own, \"any K (NAME, …)\", \"first K (NAME, …)\" or \"all (NAME, …)\"";

    /** The standbys that it names, in the order of their priority; each once. */
    List<String> members();

    /** What the relay has flushed itself, and nothing else. */
    record Own() implements AcknowledgePolicy {
        @Override
        public List<String> members() {
            return List.of();
        }

        @Override
        public String toString() {
            return "own";
        }
    }

    /** What any {@code count} of the members that are connected have. */
    record Any(int count, List<String> members) implements AcknowledgePolicy {
        public Any {
            members = List.copyOf(members);
        }

        @Override
        public String toString() {
            return "any %d %s".formatted(count, listed(members));
        }
    }

    /** What the first {@code count} of the members that are connected have. */
    record First(int count, List<String> members) implements AcknowledgePolicy {
        public First {
            members = List.copyOf(members);
        }

        @Override
        public String toString() {
            return "first %d %s".formatted(count, listed(members));
        }
    }

    /** What all of the members have; one that is away has what it confirmed last. */
    record All(List<String> members) implements AcknowledgePolicy {
        public All {
            members = List.copyOf(members);
        }

        @Override
        public String toString() {
            return "all " + listed(members);
        }
    }

    /**
     * Reads what {@code upstream.acknowledge} says.
     *
     * @throws IllegalArgumentException with what is wrong, less what was {@link #EXPECTED}
     */
    static AcknowledgePolicy parse(String text) {
        return new PolicyReader(text).read();
    }

    /** Whether it waits for anybody but the relay. */
    default boolean waitsForStandbys() {
        return !members().isEmpty();
    }

    /** Whether it names a standby so. */
    default boolean names(String standby) {
        return members().stream().anyMatch(member -> member.equalsIgnoreCase(standby));
    }

    /** By what {@code name} is found among members: PostgreSQL compares application_name in any case, too. */
    static String key(String name) {
        return name.toLowerCase(Locale.ROOT);
    }

    private static String listed(List<String> members) {
        return members.stream().map(NameToken::written).collect(Collectors.joining(", ", "(", ")"));
    }
}
