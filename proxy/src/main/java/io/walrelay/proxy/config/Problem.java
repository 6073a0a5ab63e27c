package io.walrelay.proxy.config;

/**
 * One thing that is wrong with the configuration.
 *
 * @param key dotted name, or what stands in its place
 * @param value as given, or that it was not; never a secret
 * @param origin the source that gave it: a file with its line, a variable, a flag
 * @param expected completes the sentence "expected …"
 */
public record Problem(String key, String value, String origin, String expected) {

    @Override
    public String toString() {
        return "%s = %s (%s): expected %s".formatted(key, value, origin, expected);
    }
}
