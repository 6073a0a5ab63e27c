package io.walrelay.proxy.demo;

import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link LocalPostgres} is to be made: by initdb, or as a copy of a running server that becomes its standby.
 * Everything has a default; confined to the thread that makes the server.
 */
public final class ClusterSetup {

    /** What a server needs so that tens of standbys and tools can attach, and so that it leaves nothing outside its directory. */
    private static final Map<String, String> DEFAULTS = Map.of(
            "listen_addresses", "127.0.0.1",
            "unix_socket_directories", "",
            "max_connections", "100",
            "max_wal_senders", "64",
            "max_replication_slots", "64",
            "shared_buffers", "32MB",
            "dynamic_shared_memory_type", "mmap",
            "log_replication_commands", "on");

    static final String SETTINGS_FILE = "walrelay.conf";

    /** Makes a data directory for a standby of {@code source}, which is running, in {@code target}, which does not exist yet. */
    @FunctionalInterface
    public interface Copier {
        void copy(LocalPostgres source, Path target) throws IOException;
    }

    private final PostgresBinaries binaries;
    private final @Nullable LocalPostgres primary;
    private final Map<String, String> settings = new LinkedHashMap<>();
    private final List<String> hba = new ArrayList<>();
    private String name;
    private @Nullable Path directory;
    private SegmentSize segmentSize = SegmentSize.DEFAULT;
    private boolean checksums = true;
    private boolean copyWal;
    private @Nullable Copier copier;
    private @Nullable String password;

    /** A new cluster, made by initdb. */
    ClusterSetup(PostgresBinaries binaries) {
        this.binaries = binaries;
        this.primary = null;
        this.name = "primary";
        settings.putAll(DEFAULTS);
        settings.put("fsync", "off");
    }

    /** A copy of {@code primary} that will stream from {@code primaryConninfo}; settings are the primary's unless changed. */
    ClusterSetup(LocalPostgres primary, String primaryConninfo) {
        this.binaries = primary.binaries();
        this.primary = primary;
        this.name = "standby";
        this.password = primary.password();
        settings.putAll(primary.settings());
        settings.remove("primary_slot_name");
        settings.put("primary_conninfo", primaryConninfo);
        // The replay position is how tests and the demo see what arrived; the defaults let a broken link stay unnoticed for a minute.
        settings.put("wal_receiver_status_interval", "1s");
        settings.put("wal_retrieve_retry_interval", "200ms");
    }

    /** The server's cluster_name, which is what a standby calls itself (application_name) unless its conninfo says otherwise. */
    public ClusterSetup name(String newName) {
        name = newName;
        return this;
    }

    /** Where the server's directory is made; otherwise among the temporary files. Must not exist yet. */
    public ClusterSetup in(Path newDirectory) {
        directory = newDirectory;
        return this;
    }

    /** initdb --wal-segsize; a standby has its primary's. */
    public ClusterSetup segmentSize(SegmentSize newSegmentSize) {
        requireInitdb("a segment size");
        segmentSize = newSegmentSize;
        return this;
    }

    /** Whether initdb turns data checksums on (the default here, for every version). */
    public ClusterSetup checksums(boolean on) {
        requireInitdb("checksums");
        checksums = on;
        return this;
    }

    /** Everybody authenticates by scram-sha-256 and user postgres has this password; otherwise everybody is trusted. */
    public ClusterSetup password(String newPassword) {
        requireInitdb("a password");
        password = newPassword;
        return this;
    }

    /** The server really calls fsync; otherwise it does not, and survives a kill but no power loss. */
    public ClusterSetup durable() {
        return set("fsync", "on");
    }

    /** A line of postgresql.conf; the value is quoted here. */
    public ClusterSetup set(String setting, String value) {
        settings.put(setting, value);
        return this;
    }

    /** A line of pg_hba.conf, before the lines that let everybody in from loopback. */
    public ClusterSetup hba(String line) {
        hba.add(line);
        return this;
    }

    /** The slot that a standby streams from. */
    public ClusterSetup slot(String slot) {
        requireCopy("a slot to stream from");
        return set("primary_slot_name", slot);
    }

    /** The copy brings the WAL that it needs to become consistent; otherwise it streams that too. */
    public ClusterSetup copyWal() {
        requireCopy("WAL to copy");
        copyWal = true;
        return this;
    }

    /** Another way to copy than ours, such as pg_basebackup; it leaves standby.signal in the copy. */
    public ClusterSetup copiedBy(Copier newCopier) {
        requireCopy("another way to be copied");
        copier = newCopier;
        return this;
    }

    /** Makes the data directory and does not start the server. The caller closes it. */
    public LocalPostgres create() {
        try {
            Path root = directory == null ? Files.createTempDirectory("walrelay-" + name + "-") : Files.createDirectory(directory);
            Map<String, String> all = new LinkedHashMap<>(settings);
            all.put("cluster_name", name);
            all.put("port", Integer.toString(FreePort.next()));
            LocalPostgres server = server(root, all);
            try {
                server.whileItStays(() -> fill(root, server));
                return server;
            } catch (IOException | RuntimeException e) {
                server.close();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException("could not make server \"%s\"".formatted(name), e);
        }
    }

    /** From here on the directory is the server's to delete. */
    private LocalPostgres server(Path root, Map<String, String> all) throws IOException {
        try {
            return new LocalPostgres(binaries, root, name, all, password);
        } catch (IllegalStateException exiting) {
            FileTrees.delete(root);
            throw exiting;
        }
    }

    private void fill(Path root, LocalPostgres server) throws IOException {
        if (primary == null) {
            initdb(root, server.dataDirectory());
        } else if (copier == null) {
            BaseBackup.copy(primary, server.dataDirectory(), copyWal);
        } else {
            copier.copy(primary, server.dataDirectory());
        }
        server.writeSettings();
        writeHba(server.dataDirectory().resolve("pg_hba.conf"));
    }

    /** Makes the data directory, starts the server and waits until it accepts connections. The caller closes it. */
    public LocalPostgres start() {
        LocalPostgres server = create();
        try {
            server.start();
            return server;
        } catch (RuntimeException e) {
            server.close();
            throw e;
        }
    }

    private void initdb(Path root, Path data) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                binaries.program("initdb").toString(),
                "--pgdata=" + data,
                "--username=" + LocalPostgres.SUPERUSER,
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--wal-segsize=" + (segmentSize.bytes() >> 20)));
        if (checksums) {
            command.add("--data-checksums");
        } else if (binaries.major() >= 18) {
            command.add("--no-data-checksums");
        }
        if (password == null) {
            command.add("--auth=trust");
        } else {
            Path passwordFile = Files.writeString(root.resolve("password"), password + "\n");
            command.addAll(List.of("--auth=scram-sha-256", "--pwfile=" + passwordFile));
        }
        OsProcess.run(OsProcess.unprivileged(command), Duration.ofMinutes(2));
        Files.writeString(
                data.resolve("postgresql.conf"), "\ninclude '%s'\n".formatted(SETTINGS_FILE), StandardOpenOption.APPEND);
    }

    private void writeHba(Path file) throws IOException {
        if (primary != null && hba.isEmpty()) {
            return;
        }
        String method = password == null ? "trust" : "scram-sha-256";
        List<String> lines = new ArrayList<>(hba);
        lines.add("host all all 127.0.0.1/32 " + method);
        lines.add("host replication all 127.0.0.1/32 " + method);
        Files.write(file, lines);
    }

    /** One line per setting; backslash and quote are escaped (PostgreSQL: guc-file.l). */
    static String settingsFile(Map<String, String> settings) {
        return settings.entrySet().stream()
                .map(e -> "%s = '%s'%n".formatted(e.getKey(), e.getValue().replace("\\", "\\\\").replace("'", "''")))
                .collect(Collectors.joining());
    }

    private void requireInitdb(String what) {
        if (primary != null) {
            throw new IllegalStateException("a standby has %s by its primary, not by its own set-up".formatted(what));
        }
    }

    private void requireCopy(String what) {
        if (primary == null) {
            throw new IllegalStateException("only a standby has %s".formatted(what));
        }
    }
}
