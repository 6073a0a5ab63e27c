package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.ClusterSetup;
import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.wal.Lsn;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where the measurements are made.
 *
 * @param repository the checkout whose {@code walrelay} is measured
 * @param work       a directory on the disk to be measured; what is made there is deleted by whoever made it
 * @param quick      whether to measure less and shorter: to see that everything works, not for numbers
 */
record Lab(Path repository, Path work, boolean quick) {

    /** The version that the relay is measured beside. */
    static final Programs PROGRAMS = Programs.version(15);

    /** The slot that the relay uses upstream. */
    static final String SLOT = "walrelay_bench";

    private static final long FILLING_STEP_ROWS = 100_000;

    /** A server as it is used here: quiet but for what is measured, with TLS for who asks for it. */
    ClusterSetup cluster(String name, int walSenders) {
        return LocalPostgres.of(PROGRAMS.server())
                .name(name)
                .in(work.resolve(name))
                .set("max_wal_senders", Integer.toString(walSenders))
                .set("shared_buffers", "256MB")
                .set("checkpoint_timeout", "1h")
                .set("max_wal_size", "20GB")
                .set("wal_keep_size", "4GB")
                .set("autovacuum", "off")
                .set("log_replication_commands", "off")
                .set("ssl", "on")
                .set("ssl_cert_file", certificate().toString())
                .set("ssl_key_file", key().toString());
    }

    Path certificate() {
        return work.resolve("server.crt");
    }

    Path key() {
        return work.resolve("server.key");
    }

    /** Makes what all scenarios share. */
    void prepare() throws IOException {
        Files.createDirectories(work);
        run(
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-keyout", key().toString(), "-out", certificate().toString());
    }

    /** Ends and deletes all that is left when this process ends, also when it is told to. */
    void cleanUpAtExit() {
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("clean-up").unstarted(() -> {
            List<ProcessHandle> left = ProcessHandle.current().descendants().toList();
            left.forEach(ProcessHandle::destroyForcibly);
            left.forEach(process -> process.onExit().join());
            try {
                FileTrees.delete(work);
            } catch (IOException e) {
                throw new UncheckedIOException("could not delete " + work, e);
            }
        }));
    }

    /** Has {@code server} write at least {@code bytes} of WAL, as rows of some 200 bytes; all of it is flushed afterwards. */
    static void writeWal(LocalPostgres server, long bytes) {
        Lsn goal = server.flushedLsn().plus(bytes);
        server.execute("CREATE TABLE filling (id bigint, content text)");
        while (server.flushedLsn().isBefore(goal)) {
            server.execute(
                    "INSERT INTO filling SELECT i, repeat(md5(i::text), 6) FROM generate_series(1, %d) i".formatted(FILLING_STEP_ROWS));
        }
        server.execute("DROP TABLE filling");
    }

    /** Writes what is dirty to disk now, so that it does not happen while something is measured. */
    static void settle() {
        run("sync");
    }

    /** Fails, with what to do about it, unless there is such a program. */
    static void require(String program, String packageName) {
        boolean found = Stream.of(System.getenv("PATH").split(":")).anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
        if (!found) {
            throw new IllegalStateException("%s is not in PATH; on Debian: apt-get install --no-install-recommends %s".formatted(program, packageName));
        }
    }

    /** Runs a program to its end and returns how long that took. What it prints is discarded but for its errors. */
    static double millis(List<String> command) {
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectInput(new File("/dev/null")).redirectError(Redirect.INHERIT).redirectOutput(Redirect.DISCARD);
            builder.environment().keySet().removeIf(name -> name.startsWith("PG") || name.startsWith("WALRELAY"));
            long begin = System.nanoTime();
            int status = builder.start().waitFor();
            double took = (System.nanoTime() - begin) / 1e6;
            if (status != 0) {
                throw new IllegalStateException("%s exited with %d".formatted(command, status));
            }
            return took;
        } catch (IOException e) {
            throw new UncheckedIOException("could not start " + command, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while it ran " + command, e);
        }
    }

    /** Tells on standard error what is being done. */
    static void say(String progress) {
        System.err.println("bench: " + progress);
    }

    private static void run(String... command) {
        try (ExternalProcess process = ExternalProcess.start(List.of(command))) {
            int status = process.awaitExit(Duration.ofMinutes(2));
            if (status != 0) {
                throw new IllegalStateException("%s exited with %d: %s".formatted(command[0], status, process.output()));
            }
        }
    }
}
