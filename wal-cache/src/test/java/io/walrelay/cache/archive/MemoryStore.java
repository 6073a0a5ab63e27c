package io.walrelay.cache.archive;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** Objects in memory. It can be made slow, and made to fail. Thread-safe. */
public final class MemoryStore implements ObjectStore {

    private static final class Kept {
        private final byte[] bytes;
        private final Instant stored;

        Kept(byte[] bytes, Instant stored) {
            this.bytes = bytes;
            this.stored = stored;
        }
    }

    private final Map<String, Kept> objects = new ConcurrentSkipListMap<>();
    private final List<String> puts = new CopyOnWriteArrayList<>();
    private final AtomicInteger requests = new AtomicInteger();
    private volatile Duration latency = Duration.ZERO;
    private volatile Predicate<String> failing = key -> false;
    private volatile Predicate<String> hanging = key -> false;
    private volatile CountDownLatch released = new CountDownLatch(0);
    private final AtomicInteger hangingNow = new AtomicInteger();
    private final AtomicInteger mostHanging = new AtomicInteger();

    /** Every request takes that long from now on. */
    public MemoryStore latency(Duration newLatency) {
        latency = newLatency;
        return this;
    }

    /** Requests about keys (or directories) that are matched fail from now on. */
    public void failFor(Predicate<String> keys) {
        failing = keys;
    }

    /** Requests about keys that are matched wait for {@code until} from now on. */
    public void hangFor(Predicate<String> keys, CountDownLatch until) {
        released = until;
        hanging = keys;
    }

    /** Requests that {@link #hangFor} makes wait, now. */
    public int hanging() {
        return hangingNow.get();
    }

    /** The most requests at one time that were about keys matched by {@link #hangFor}. */
    public int mostHanging() {
        return mostHanging.get();
    }

    /** Replaces an object's bytes, as no store should. */
    public void damage(String key, byte[] bytes) {
        objects.put(key, new Kept(bytes, Instant.EPOCH));
    }

    /** Makes objects as old as they would be had they been put at {@code stored}. */
    public void date(Predicate<String> keys, Instant stored) {
        objects.replaceAll((key, kept) -> keys.test(key) ? new Kept(kept.bytes, stored) : kept);
    }

    public byte[] bytes(String key) {
        Kept kept = objects.get(key);
        if (kept == null) {
            throw new AssertionError("no object %s; there are %s".formatted(key, objects.keySet()));
        }
        return kept.bytes.clone();
    }

    public List<String> keys() {
        return List.copyOf(objects.keySet());
    }

    /** The keys in the order in which they were put. */
    public List<String> puts() {
        return List.copyOf(puts);
    }

    /** How many requests there were. */
    public int requests() {
        return requests.get();
    }

    private void request(String key) throws IOException {
        requests.incrementAndGet();
        long until = System.nanoTime() + latency.toNanos();
        while (System.nanoTime() < until) {
            LockSupport.parkNanos(until - System.nanoTime());
        }
        if (hanging.test(key)) {
            mostHanging.accumulateAndGet(hangingNow.incrementAndGet(), Math::max);
            try {
                released.await();
                hangingNow.decrementAndGet();
            } catch (InterruptedException e) {
                throw new java.io.InterruptedIOException("interrupted");
            }
        }
        if (failing.test(key)) {
            throw new IOException("memory:" + key + " can't be asked now");
        }
    }

    @Override
    public boolean putIfAbsent(String key, Path content) throws IOException {
        request(ObjectKeys.require(key));
        boolean put = objects.putIfAbsent(key, new Kept(Files.readAllBytes(content), Instant.now())) == null;
        if (put) {
            puts.add(key);
        }
        return put;
    }

    @Override
    public Optional<InputStream> get(String key) throws IOException {
        request(ObjectKeys.require(key));
        return Optional.ofNullable(objects.get(key)).map(kept -> new ByteArrayInputStream(kept.bytes));
    }

    @Override
    public Optional<Listed> find(String key) throws IOException {
        request(ObjectKeys.require(key));
        return Optional.ofNullable(objects.get(key)).map(kept -> new Listed(key, kept.bytes.length, kept.stored));
    }

    @Override
    public List<String> children(String directory) throws IOException {
        request(directory);
        String prefix = prefix(directory);
        return objects.keySet().stream()
                .filter(key -> key.startsWith(prefix))
                .map(key -> key.substring(prefix.length()).replaceFirst("/.*", ""))
                .distinct()
                .toList();
    }

    @Override
    public void list(String directory, Consumer<Listed> each) throws IOException {
        request(directory);
        String prefix = prefix(directory);
        objects.forEach((key, kept) -> {
            if (key.startsWith(prefix)) {
                each.accept(new Listed(key, kept.bytes.length, kept.stored));
            }
        });
    }

    @Override
    public void delete(String key) throws IOException {
        request(ObjectKeys.require(key));
        objects.remove(key);
    }

    private static String prefix(String directory) {
        return directory.isEmpty() ? "" : ObjectKeys.require(directory) + "/";
    }

    @Override
    public String toString() {
        return "memory:";
    }

    @Override
    public void close() {}
}
