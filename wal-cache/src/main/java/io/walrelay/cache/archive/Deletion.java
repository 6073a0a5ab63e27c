package io.walrelay.cache.archive;

import java.util.Arrays;
import java.util.Collection;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a relay is about to delete from the archive, or deletes now. It is an object in the archive for as long as that takes:
 *
 * <pre>
 *   walrelay deletion
 *   LINEAGE/0000000200000000/000000020000000000000003
 *   …
 * </pre>
 *
 * @param name what its object is called; it begins as the relay's own pins do
 * @param keys of files: {@link ArchivedName#key}
 */
public record Deletion(String name, Set<String> keys) {

    private static final String TITLE = "walrelay deletion";

    public Deletion {
        keys = Set.copyOf(keys);
    }

    /** Whether one of the files goes. */
    public boolean isOf(Collection<ArchivedName> names) {
        return names.stream().map(ArchivedName::key).anyMatch(keys::contains);
    }

    String text() {
        return TITLE + "\n" + keys.stream().sorted().map(key -> key + "\n").collect(Collectors.joining());
    }

    /** @throws IllegalArgumentException when {@code text} is none */
    static Deletion parse(String name, String text) {
        if (!text.startsWith(TITLE + "\n")) {
            throw new IllegalArgumentException("it does not begin with \"%s\"".formatted(TITLE));
        }
        return new Deletion(name, Arrays.stream(text.split("\n")).skip(1).collect(Collectors.toSet()));
    }
}
