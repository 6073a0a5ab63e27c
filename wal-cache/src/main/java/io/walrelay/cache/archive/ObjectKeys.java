package io.walrelay.cache.archive;

import java.util.regex.Pattern;

/** What keys may look like; see {@link ObjectStore}. */
final class ObjectKeys {

    private static final Pattern KEY = Pattern.compile("[A-Za-z0-9_@-][A-Za-z0-9._@-]*(/[A-Za-z0-9_@-][A-Za-z0-9._@-]*)*");

    private ObjectKeys() {}

    /** No key leads out of where keys are looked for. */
    static String require(String key) {
        if (!KEY.matcher(key).matches()) {
            throw new IllegalArgumentException("not an object's key: \"%s\"; expected names of letters, digits and . _ @ - separated by /".formatted(key));
        }
        return key;
    }
}
