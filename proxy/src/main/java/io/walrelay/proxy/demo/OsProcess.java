package io.walrelay.proxy.demo;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What the operating system does for us: starts programs as PostgreSQL wants them started, and sends signals. */
public final class OsProcess {

    /**
     * Linux sends the parent-death signal when the <em>thread</em> that forked ends, so all servers are forked by one thread
     * that lives as long as the process.
     */
    private static final ExecutorService FORKER =
            Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("process-starter").factory());

    private OsProcess() {}

    /**
     * {@code command} so that PostgreSQL accepts its user: PostgreSQL refuses to run as root, so root runs it in a user
     * namespace of its own in which it is nobody, while its files stay root's. Anybody else runs it as it is.
     */
    public static List<String> unprivileged(List<String> command) {
        if (!isRoot()) {
            return command;
        }
        if (find("unshare").isEmpty()) {
            throw new IllegalStateException(
                    "PostgreSQL does not run as root, and there is no unshare (package util-linux) to run it as nobody; run as another user");
        }
        List<String> wrapped = new ArrayList<>(List.of("unshare", "-U"));
        wrapped.addAll(command);
        return wrapped;
    }

    /**
     * Starts a server that does not outlive this process, even when this is killed: then it gets SIGQUIT (immediate shutdown).
     * It is its own session, so that Ctrl-C in a terminal reaches only us and we stop servers in the right order.
     * Its output is appended to {@code log}. The process id is the server's own.
     */
    static Process startServer(List<String> command, Path log) {
        List<String> chain = new ArrayList<>();
        if (find("setsid").isPresent()) {
            chain.add("setsid");
        }
        if (find("setpriv").isPresent()) {
            chain.addAll(List.of("setpriv", "--pdeathsig", "QUIT"));
        }
        chain.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(unprivileged(chain))
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        cleanEnvironment(builder);
        try {
            return CompletableFuture.supplyAsync(() -> start(builder), FORKER).join();
        } catch (CompletionException e) {
            throw new IllegalStateException("could not start " + command, e.getCause());
        }
    }

    /**
     * Runs a program to its end and returns what it printed (standard output and error). Who interrupts this ends the program.
     *
     * @throws IllegalStateException if it fails or takes longer than {@code limit}
     */
    static String run(List<String> command, Duration limit) {
        try {
            Path output = Files.createTempFile("walrelay-run", ".log");
            try {
                ProcessBuilder builder = new ProcessBuilder(command)
                        .redirectInput(new File("/dev/null"))
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile());
                cleanEnvironment(builder);
                Process process = builder.start();
                boolean ended = false;
                try {
                    ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
                } finally {
                    if (!ended) {
                        uninterrupted(() -> killTree(process.toHandle()));
                    }
                }
                String text = Files.readString(output, StandardCharsets.UTF_8);
                if (!ended) {
                    throw new IllegalStateException("%s took longer than %s: %s".formatted(command, limit, text));
                }
                if (process.exitValue() != 0) {
                    throw new IllegalStateException("%s exited with %d: %s".formatted(command, process.exitValue(), text));
                }
                return text;
            } finally {
                Files.delete(output);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("could not run " + command, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while running " + command, e);
        }
    }

    /** Sends a signal by its name without SIG: INT, QUIT, HUP, USR1, STOP, CONT. A process that is gone is not an error. */
    public static void signal(ProcessHandle process, String name) {
        if (process.isAlive()) {
            try {
                new ProcessBuilder("sh", "-c", "kill -s \"$1\" \"$2\" 2>/dev/null", "sh", name, Long.toString(process.pid()))
                        .start()
                        .waitFor();
            } catch (IOException e) {
                throw new UncheckedIOException("could not send SIG%s to %d".formatted(name, process.pid()), e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while sending SIG%s to %d".formatted(name, process.pid()), e);
            }
        }
    }

    /**
     * Kills (SIGKILL) a process and everything below it and waits until all of them are gone. The root is halted first,
     * so that it cannot start another child between the look and the kill.
     */
    public static void killTree(ProcessHandle root) {
        signal(root, "STOP");
        List<ProcessHandle> all =
                Stream.concat(Stream.of(root), root.descendants()).toList();
        all.forEach(ProcessHandle::destroyForcibly);
        Await.until("process %d and its children to be gone".formatted(root.pid()), Duration.ofSeconds(30), () ->
                all.stream().allMatch(OsProcess::isGone));
    }

    /** What has to be done also by a thread that was interrupted. */
    @FunctionalInterface
    interface Duty {
        void run() throws IOException;
    }

    /** Keeps an interrupt for afterwards: it would end what waits for a process. */
    static void uninterrupted(Duty duty) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            duty.run();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Whether a process has ended, also one that its parent has not taken note of yet (a zombie). */
    static boolean isGone(ProcessHandle process) {
        if (!process.isAlive()) {
            return true;
        }
        try {
            String stat = Files.readString(Path.of("/proc", Long.toString(process.pid()), "stat"), StandardCharsets.ISO_8859_1);
            return stat.startsWith(" Z", stat.lastIndexOf(')') + 1);
        } catch (IOException vanished) {
            return true;
        }
    }

    static boolean isRoot() {
        try {
            return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        } catch (IOException e) {
            throw new UncheckedIOException("could not look up the user of this process", e);
        }
    }

    static Optional<Path> find(String program) {
        return Stream.of("/usr/bin", "/bin", "/usr/local/bin")
                .map(directory -> Path.of(directory, program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** The caller's PGPORT, PGDATA and the like must not change what a server of ours does. */
    private static void cleanEnvironment(ProcessBuilder builder) {
        builder.environment().keySet().removeIf(name -> name.startsWith("PG"));
        builder.environment().put("LC_ALL", "C");
        builder.environment().put("TZ", "UTC");
    }

    private static Process start(ProcessBuilder builder) {
        try {
            return builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
