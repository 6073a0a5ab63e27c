package io.walrelay.proxy.relay;

import io.walrelay.proxy.config.Configuration;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.conninfo.TlsSettings.Mode;
import io.walrelay.proxy.conninfo.TlsSettings.RootCert;
import io.walrelay.proxy.state.Events;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Takes up what may change while the relay runs, all of it or nothing: when it is told (SIGHUP, the API), and certificates also by itself when
 * their files change, since those who renew them tell nobody (cert-manager, certbot). Thread-safe.
 */
final class Reloading implements AutoCloseable {

    private static final long LOOK_EVERY_MS = 2_000;
    private static final String EVENT = "reload";

    /** A part of the relay that can go by other settings. */
    @FunctionalInterface
    interface Part {
        /**
         * Makes ready.
         *
         * @return goes by them from then on; does not fail
         * @throws IOException when they are no good
         */
        Runnable prepare(Settings settings) throws IOException;
    }

    /** A file as it was when it was read. Absent: both empty. */
    private record Seen(Optional<FileTime> modified, long bytes) {

        static Seen of(Path file) {
            try {
                return new Seen(Optional.of(Files.getLastModifiedTime(file)), Files.size(file));
            } catch (IOException e) {
                return new Seen(Optional.empty(), 0);
            }
        }
    }

    private final Configuration.Reader reader;
    private final List<Part> parts;
    private final Events events;
    private final ScheduledExecutorService watch = Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().name("certificates").daemon().factory());
    private Configuration current;
    private Map<Path, Seen> read;
    private Map<Path, Seen> refused = Map.of();

    /** @param current what the parts go by */
    Reloading(Configuration current, Configuration.Reader reader, List<Part> parts, Events events) {
        this.current = current;
        this.reader = reader;
        this.parts = List.copyOf(parts);
        this.events = events;
        this.read = certificates(current.settings());
    }

    void start() {
        watch.scheduleWithFixedDelay(this::look, LOOK_EVERY_MS, LOOK_EVERY_MS, TimeUnit.MILLISECONDS);
    }

    /**
     * Reads the configuration again, and the certificates.
     *
     * @throws InvalidSettingsException when it is wrong: nothing has changed
     * @throws IOException when a certificate is no good: nothing has changed
     */
    synchronized Configuration.Difference reload() throws InvalidSettingsException, IOException {
        try {
            Configuration later = reader.read();
            Configuration.Difference difference = current.to(later);
            takeUp(current.takeUp(later));
            events.info(EVENT, "configuration and certificates were read again; %s".formatted(told(difference)));
            return difference;
        } catch (InvalidSettingsException | IOException e) {
            events.error(EVENT, "nothing of the new configuration was taken up: %s".formatted(String.valueOf(e.getMessage()).replace("\n", "; ")));
            throw e;
        }
    }

    private static String told(Configuration.Difference difference) {
        String takenUp = difference.takenUp().isEmpty() ? "no key that holds at once had changed" : "taken up: " + String.join(", ", difference.takenUp());
        return difference.needRestart().isEmpty() ? takenUp : "%s; a restart is needed for %s".formatted(takenUp, String.join(", ", difference.needRestart()));
    }

    private void takeUp(Configuration next) throws IOException {
        // Before they are read: what is written meanwhile is seen as a change the next time.
        Map<Path, Seen> now = certificates(next.settings());
        List<Runnable> ready = new ArrayList<>();
        for (Part part : parts) {
            ready.add(part.prepare(next.settings()));
        }
        ready.forEach(Runnable::run);
        current = next;
        read = now;
    }

    /** A certificate and its key are two files: where only one is new yet, they do not fit together, and the other is waited for. */
    private synchronized void look() {
        Map<Path, Seen> now = certificates(current.settings());
        if (now.equals(read) || now.equals(refused)) {
            return;
        }
        try {
            takeUp(current);
            events.info(EVENT, "certificates were read again, since their files had changed: %s".formatted(shown(now)));
        } catch (IOException | RuntimeException e) {
            refused = now;
            events.warning(EVENT, "files of certificates changed and can't be used yet; the relay goes on with what it had: %s".formatted(e.getMessage()));
        }
    }

    private static String shown(Map<Path, Seen> files) {
        return files.keySet().stream().map(Path::toString).collect(Collectors.joining(", "));
    }

    private static Map<Path, Seen> certificates(Settings settings) {
        Map<Path, Seen> files = new LinkedHashMap<>();
        watched(settings).forEach(file -> files.put(file, Seen.of(file)));
        return files;
    }

    /** Those of upstream's, too: each connection reads them anew, but until when they are valid is shown as it was read here. */
    static List<Path> watched(Settings settings) {
        Stream<Path> ports = Stream.of(settings.listen().tls(), settings.http().tls()).flatMap(Optional::stream).flatMap(Reloading::files);
        return Stream.of(ports, settings.peers().authority().stream(), files(settings.upstream().conninfo().tls())).flatMap(Function.identity()).toList();
    }

    private static Stream<Path> files(io.walrelay.proxy.conninfo.TlsSettings upstream) {
        if (upstream.mode() == Mode.DISABLE) {
            return Stream.empty();
        }
        Stream<Path> own = Stream.of(upstream.cert(), upstream.key()).flatMap(Optional::stream);
        return upstream.rootCert() instanceof RootCert.File(Path roots) ? Stream.concat(own, Stream.of(roots)) : own;
    }

    private static Stream<Path> files(TlsSettings tls) {
        return Stream.concat(Stream.of(tls.cert(), tls.key()), tls.clientCa().stream());
    }

    @Override
    public void close() {
        watch.shutdownNow();
    }
}
