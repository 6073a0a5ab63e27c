package io.walrelay.cache.archive;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Keeps objects under keys. Keys are names separated by {@code /}, each of ASCII letters, digits and {@code . _ @ -}, and none begins with a
 * dot.
 *
 * <p>Every driver keeps these promises, which one contract test holds them to:
 *
 * <ul>
 *   <li>An object is there whole or not at all, and an object that is there is never changed.
 *   <li>"Not there" is an empty answer; "could not look" is an {@link IOException}, and never the other way round.
 *   <li>What was put is durable, and found by every later call of anybody, when the call returns.
 * </ul>
 *
 * <p>Drivers are thread-safe and block; they try again by themselves only where that can't be noticed. Whoever opens one closes it.
 */
public interface ObjectStore extends AutoCloseable {

    /** An object as a listing shows it. */
    record Listed(String key, long bytes, Instant stored) {}

    /**
     * Puts the content of a file, unless the key is taken.
     *
     * @return false when it is taken; nothing was changed then
     */
    boolean putIfAbsent(String key, Path content) throws IOException;

    /** The object's bytes; empty when there is none. The caller closes the stream. */
    Optional<InputStream> get(String key) throws IOException;

    /** What a listing shows of one object; empty when there is none. */
    Optional<Listed> find(String key) throws IOException;

    /**
     * The names right below {@code directory}, of objects and of what keys have before a further {@code /}; in no order.
     *
     * @param directory without {@code /} at its end; empty for the root
     */
    List<String> children(String directory) throws IOException;

    /** Every object below {@code directory}, at any depth, in no order. */
    void list(String directory, Consumer<Listed> each) throws IOException;

    /** Deletes an object; nothing happens when there is none. */
    void delete(String key) throws IOException;

    /** Where this is, for messages: without secrets. */
    @Override
    String toString();

    @Override
    void close();
}
