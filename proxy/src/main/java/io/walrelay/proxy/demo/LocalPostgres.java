package io.walrelay.proxy.demo;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A PostgreSQL server on 127.0.0.1, in a directory of its own that is deleted with it. Made by {@link #of} (a new cluster) or
 * {@link #standbyOf}; started and stopped as pg_ctl does it (PostgreSQL: pg_ctl.c). It does not outlive this process.
 *
 * <p>Starting and stopping are confined to one thread at a time; SQL, {@link #log} and {@link #close} are thread-safe.
 */
public final class LocalPostgres implements AutoCloseable {

    /** The role that owns the cluster. */
    public static final String SUPERUSER = "postgres";

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int PID_FILE_SHARED_MEMORY = 6;
    private static final int PID_FILE_STATUS = 7;

    private final PostgresBinaries binaries;
    private final Path root;
    private final String name;
    private final Map<String, String> settings;
    private final @Nullable String password;
    private final int port;
    /** Held by whoever writes into the directory or starts the server, and by whoever deletes it. */
    private final Lock directoryInUse = new ReentrantLock();
    private volatile boolean closed;
    private final Thread closeAtExit;
    private volatile @Nullable Process process;

    LocalPostgres(PostgresBinaries binaries, Path root, String name, Map<String, String> settings, @Nullable String password) {
        this.binaries = binaries;
        this.root = root;
        this.name = name;
        this.settings = new LinkedHashMap<>(settings);
        this.password = password;
        this.port = Integer.parseInt(settings.getOrDefault("port", "5432"));
        this.closeAtExit = Thread.ofPlatform().name("close-" + name).unstarted(this::discard);
        Runtime.getRuntime().addShutdownHook(closeAtExit);
    }

    /** A new cluster. */
    public static ClusterSetup of(PostgresBinaries binaries) {
        return new ClusterSetup(binaries);
    }

    /**
     * A standby: a copy of {@code source} (which must be running, and may be a standby itself) that streams from
     * {@code primaryConninfo}, a libpq connection string.
     */
    public static ClusterSetup standbyOf(LocalPostgres source, String primaryConninfo) {
        return new ClusterSetup(source, primaryConninfo);
    }

    /** How a server is stopped, in pg_ctl's words. */
    public enum StopMode {
        /** Disconnects clients, checkpoints, sends the rest of the WAL to standbys. */
        FAST("INT"),
        /** Exits at once; the next start recovers from WAL. */
        IMMEDIATE("QUIT");

        private final String signal;

        StopMode(String signal) {
            this.signal = signal;
        }
    }

    /** Starts the server and waits until it accepts connections (for a standby: until it is consistent). */
    public void start() {
        launch();
        awaitReady(LIMIT);
    }

    /** Starts the server and does not wait: a standby whose upstream is away is not ready for long. */
    public void launch() {
        if (isRunning()) {
            throw new IllegalStateException("server \"%s\" is running already".formatted(name));
        }
        try {
            whileItStays(() -> process = OsProcess.startServer(
                    List.of(binaries.program("postgres").toString(), "-D", dataDirectory().toString()), logFile()));
        } catch (IOException e) {
            throw new UncheckedIOException("could not start server \"%s\"".formatted(name), e);
        }
    }

    /** What needs the directory. */
    @FunctionalInterface
    interface Use {
        void run() throws IOException;
    }

    /** Does something while the directory is not deleted; an exiting process deletes it at any time else. */
    void whileItStays(Use use) throws IOException {
        directoryInUse.lock();
        try {
            if (closed) {
                throw new IllegalStateException("server \"%s\" is closed".formatted(name));
            }
            use.run();
        } finally {
            directoryInUse.unlock();
        }
    }

    /**
     * Waits until the server accepts connections, by the status in postmaster.pid (miscinit.c, PM_STATUS_READY).
     *
     * @throws IllegalStateException if it exits instead or {@code limit} passes; with the end of its log
     */
    public void awaitReady(Duration limit) {
        Process started = launched();
        try {
            Await.until(
                    "server \"%s\" to accept connections".formatted(name),
                    limit,
                    () -> {
                        List<String> lines = pidFile();
                        boolean ours = !lines.isEmpty() && lines.getFirst().equals(Long.toString(started.pid()));
                        return ours && lines.size() > PID_FILE_STATUS ? lines.get(PID_FILE_STATUS).strip() : "no status yet";
                    },
                    status -> status.equals("ready") || !started.isAlive());
        } catch (Await.TimedOut e) {
            throw new IllegalStateException(e.getMessage() + "; its log ends with:\n" + logTail(20), e);
        }
        if (!started.isAlive()) {
            throw new IllegalStateException("server \"%s\" exited with %d; its log ends with:%n%s"
                    .formatted(name, started.exitValue(), logTail(20)));
        }
    }

    /** Stops the server and waits until it is gone. Nothing happens when it does not run. */
    public void stop(StopMode mode) {
        Process running = process;
        if (running == null || !running.isAlive()) {
            return;
        }
        OsProcess.signal(running.toHandle(), mode.signal);
        try {
            Await.until("server \"%s\" to stop (%s)".formatted(name, mode), LIMIT, () -> !running.isAlive());
        } catch (Await.TimedOut e) {
            throw new IllegalStateException(e.getMessage() + "; its log ends with:\n" + logTail(20), e);
        }
    }

    /** Kills postmaster and all its children (SIGKILL), as a power loss does that spares the page cache. */
    public void kill() {
        killAndReap(launched());
    }

    private void killAndReap(Process running) {
        OsProcess.killTree(running.toHandle());
        // The kernel is done with it before the JDK has collected its exit status.
        Await.until("the exit status of server \"%s\"".formatted(name), LIMIT, () -> !running.isAlive());
    }

    /** Stops (fast) and starts again, on the same port. */
    public void restart() {
        stop(StopMode.FAST);
        start();
    }

    /** Makes the server read its configuration again; when it has is seen by {@code SHOW}. */
    public void reload() {
        OsProcess.signal(launched().toHandle(), "HUP");
    }

    /** Makes a standby a primary, as pg_ctl promote does, and waits until it is. */
    public void promote() {
        try {
            Files.createFile(dataDirectory().resolve("promote"));
        } catch (IOException e) {
            throw new UncheckedIOException("could not ask server \"%s\" to promote".formatted(name), e);
        }
        OsProcess.signal(launched().toHandle(), "USR1");
        Await.until("server \"%s\" to be promoted".formatted(name), LIMIT, () -> query("SELECT pg_is_in_recovery()"), "f"::equals);
    }

    /** Changes a setting in the configuration file; {@link #reload} or {@link #restart} makes it count. */
    public void set(String setting, String value) {
        settings.put(setting, value);
        writeSettings();
    }

    public boolean isRunning() {
        Process running = process;
        return running != null && running.isAlive();
    }

    /** The process id of postmaster. */
    public long pid() {
        return launched().pid();
    }

    /** A new session of the superuser in database postgres. The caller closes it. */
    public Connection connect() throws SQLException {
        return connect("postgres");
    }

    /** A new session of the superuser in {@code database}. The caller closes it. */
    public Connection connect(String database) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", SUPERUSER);
        properties.setProperty("sslmode", "disable");
        properties.setProperty("gssEncMode", "disable");
        properties.setProperty("connectTimeout", "5");
        if (password != null) {
            properties.setProperty("password", password);
        }
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:%d/%s".formatted(port, database), properties);
    }

    /** Runs statements one after the other, each in its own transaction. */
    public void execute(String... statements) {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        } catch (SQLException e) {
            throw failed(String.join("; ", statements), e);
        }
    }

    /** The first column of the first row, as text ("t" and "f" for booleans). */
    public @Nullable String queryOrNull(String sql) {
        try (Connection connection = connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : null;
        } catch (SQLException e) {
            throw failed(sql, e);
        }
    }

    /** As {@link #queryOrNull}, for a query that has an answer: no row and NULL are errors. */
    public String query(String sql) {
        String value = queryOrNull(sql);
        if (value == null) {
            throw new IllegalStateException("server \"%s\" has no answer to: %s".formatted(name, sql));
        }
        return value;
    }

    /**
     * How far a primary's WAL is flushed: everything committed so far, and all that it will send. What is inserted beyond, such
     * as the snapshot of running transactions after a checkpoint, may stay unflushed for 15 seconds on an idle server.
     */
    public Lsn flushedLsn() {
        return Lsn.parse(query("SELECT pg_current_wal_flush_lsn()"));
    }

    /** How far a standby has replayed; invalid when it has replayed nothing. */
    public Lsn replayedLsn() {
        String lsn = queryOrNull("SELECT pg_last_wal_replay_lsn()");
        return lsn == null ? Lsn.INVALID : Lsn.parse(lsn);
    }

    /** Waits until a standby has replayed up to {@code lsn}. */
    public void awaitReplay(Lsn lsn, Duration limit) {
        Await.until("server \"%s\" to replay %s".formatted(name, lsn), limit, this::replayedLsn, seen -> seen.isAtLeast(lsn));
    }

    /** The timeline that a primary writes, or that a standby receives; a standby that receives nothing has no answer. */
    public TimelineId timeline() {
        return TimelineId.parse(query(
                "SELECT CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)"
                        + " ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer END"));
    }

    /** A libpq connection string for the superuser. */
    public String conninfo() {
        String base = "host=127.0.0.1 port=%d user=%s dbname=postgres".formatted(port, SUPERUSER);
        return password == null
                ? base
                : base + " password='%s'".formatted(password.replace("\\", "\\\\").replace("'", "\\'"));
    }

    public String name() {
        return name;
    }

    public int port() {
        return port;
    }

    public PostgresBinaries binaries() {
        return binaries;
    }

    public Path dataDirectory() {
        return root.resolve("data");
    }

    /** Everything the server has logged. */
    public String log() {
        try {
            return Files.readString(logFile(), StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            return "";
        } catch (IOException e) {
            throw new UncheckedIOException("could not read the log of server \"%s\"".formatted(name), e);
        }
    }

    /** The last {@code lines} lines of the log. */
    public String logTail(int lines) {
        List<String> all = log().lines().toList();
        return String.join("\n", all.subList(Math.max(0, all.size() - lines), all.size()));
    }

    /** Stops the server at once and deletes its directory. */
    @Override
    public void close() {
        discard();
        try {
            Runtime.getRuntime().removeShutdownHook(closeAtExit);
        } catch (IllegalStateException exiting) {
            // The hook does the same work, which is harmless to do twice.
            return;
        }
    }

    Map<String, String> settings() {
        return Map.copyOf(settings);
    }

    @Nullable String password() {
        return password;
    }

    void writeSettings() {
        try {
            Files.writeString(dataDirectory().resolve(ClusterSetup.SETTINGS_FILE), ClusterSetup.settingsFile(settings));
        } catch (IOException e) {
            throw new UncheckedIOException("could not write the settings of server \"%s\"".formatted(name), e);
        }
    }

    private void discard() {
        closed = true;
        directoryInUse.lock();
        try {
            OsProcess.uninterrupted(() -> {
                Process running = process;
                if (running != null && running.isAlive()) {
                    killAndReap(running);
                }
                removeSharedMemory();
                FileTrees.delete(root);
            });
        } catch (IOException e) {
            throw new UncheckedIOException("could not delete the directory of server \"%s\"".formatted(name), e);
        } finally {
            directoryInUse.unlock();
        }
    }

    /** A killed postmaster leaves its System V segment (sysv_shmem.c), of which the system has a limited number. */
    private void removeSharedMemory() throws IOException {
        List<String> lines = pidFile();
        if (lines.size() > PID_FILE_SHARED_MEMORY && OsProcess.find("ipcrm").isPresent()) {
            String[] keyAndId = lines.get(PID_FILE_SHARED_MEMORY).strip().split("\\s+", -1);
            OsProcess.run(List.of("sh", "-c", "ipcrm -m \"$1\" 2>&1 || true", "sh", keyAndId[keyAndId.length - 1]), LIMIT);
        }
    }

    private List<String> pidFile() throws IOException {
        try {
            return Files.readAllLines(dataDirectory().resolve("postmaster.pid"));
        } catch (NoSuchFileException notRunning) {
            return List.of();
        }
    }

    private Path logFile() {
        return root.resolve("server.log");
    }

    private Process launched() {
        Process started = process;
        if (started == null) {
            throw new IllegalStateException("server \"%s\" was never started".formatted(name));
        }
        return started;
    }

    private IllegalStateException failed(String sql, SQLException e) {
        return new IllegalStateException("server \"%s\" failed: %s: %s".formatted(name, sql, e.getMessage()), e);
    }
}
