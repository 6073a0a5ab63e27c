package io.walrelay.proxy.testkit;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.demo.FreePort;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * The relay's classes as its JVM maps them (an archive of class data sharing), as the launcher keeps them for operators: a relay starts
 * with a little more than half of the work then, and tests start hundreds. Made once for what was built, by a relay that runs for a moment.
 * Where the class path has directories of classes (an IDE) there can be none, and the JVM does without.
 */
final class ClassArchive {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final List<String> CLASS_PATH = classPath();

    /** Made when a relay is first wanted. */
    private static final class Made {
        static final List<String> OPTIONS = options();
    }

    private ClassArchive() {}

    /** The JVM's options for the class path, and for its archive where there is one. */
    static List<String> classPathOptions() {
        return Made.OPTIONS;
    }

    /** Without the directory of this module's tests, of which a relay needs nothing. */
    private static List<String> classPath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(entry -> !entry.endsWith("test-classes"))
                .toList();
    }

    private static List<String> options() {
        List<String> plain = List.of("-cp", String.join(File.pathSeparator, CLASS_PATH));
        if (CLASS_PATH.stream().anyMatch(entry -> Files.isDirectory(Path.of(entry)))) {
            return plain;
        }
        try {
            List<String> all = new ArrayList<>(plain);
            all.add("-XX:SharedArchiveFile=" + archive());
            // It is only a cache: where the JVM can not use it, or not all of it, the output of a command is not the place to say so.
            all.addAll(List.of("-Xlog:cds*=off", "-Xlog:aot*=off"));
            return List.copyOf(all);
        } catch (IOException e) {
            throw new UncheckedIOException("could not make the archive of the relay's classes", e);
        }
    }

    /** Several JVMs run tests at one time: who comes later finds it made. */
    private static Path archive() throws IOException {
        Path directory = Files.createDirectories(Path.of("target", "class-archive").toAbsolutePath());
        Path archive = directory.resolve("relay-%08x.jsa".formatted(builtFrom()));
        try (FileChannel lock = FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock held = lock.lock()) {
            if (held.isValid() && !Files.exists(archive)) {
                Path unfinished = directory.resolve("unfinished.jsa");
                make(unfinished);
                removeOld(directory);
                Files.move(unfinished, archive, StandardCopyOption.ATOMIC_MOVE);
            }
        }
        return archive;
    }

    private static void removeOld(Path directory) throws IOException {
        try (DirectoryStream<Path> old = Files.newDirectoryStream(directory, "relay-*.jsa")) {
            for (Path file : old) {
                Files.delete(file);
            }
        }
    }

    /** Tells one build from another, as the JVM does: by names, lengths and times. */
    private static long builtFrom() throws IOException {
        StringBuilder names = new StringBuilder();
        for (String entry : CLASS_PATH) {
            Path jar = Path.of(entry);
            names.append(jar).append(' ');
            if (Files.exists(jar)) {
                names.append(Files.size(jar)).append(' ').append(Files.getLastModifiedTime(jar).toMillis());
            }
        }
        CRC32 sum = new CRC32();
        sum.update(names.toString().getBytes(StandardCharsets.UTF_8));
        return sum.getValue();
    }

    private static void make(Path archive) throws IOException {
        Path data = Files.createTempDirectory("walrelay-classes-");
        String http = "127.0.0.1:" + FreePort.next();
        List<String> command = Stream.of(
                        WalrelayCommand.java(),
                        Stream.of("-XX:ArchiveClassesAtExit=" + archive, "-cp", String.join(File.pathSeparator, CLASS_PATH), WalrelayCommand.MAIN),
                        Stream.of("serve", "--upstream", "host=127.0.0.1 user=nobody port=" + FreePort.next(), "--slot", "classes"),
                        Stream.of("--data", data.resolve("data").toString(), "--listen", "127.0.0.1:" + FreePort.next(), "--http", http))
                .flatMap(part -> part)
                .collect(Collectors.toList());
        try (ExternalProcess relay = ExternalProcess.start(command, Map.of("WALRELAY_CACHE_MEMORY", "32MB"));
                HttpClient client = HttpClient.newHttpClient()) {
            for (String path : List.of("/metrics", "/api/v1/status", "/readyz")) {
                HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + http + path)).build();
                Await.until("a relay to answer " + path, LIMIT, () -> {
                    try {
                        return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() > 0;
                    } catch (IOException notYet) {
                        if (!relay.isRunning()) {
                            throw new AssertionError("the relay ended: " + relay.output(), notYet);
                        }
                        return false;
                    }
                });
            }
            relay.signal("TERM");
            relay.awaitExit(LIMIT);
            if (!Files.exists(archive)) {
                throw new AssertionError("no archive of classes was made: " + relay.output());
            }
        } finally {
            FileTrees.delete(data);
        }
    }
}
