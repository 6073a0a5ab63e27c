package io.walrelay.proxy.cli;

import io.walrelay.cache.KnownWal;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.proxy.cli.CheckFacts.Answer;
import io.walrelay.proxy.cli.CheckFacts.DataDirectory;
import io.walrelay.proxy.cli.CheckFacts.Replication;
import io.walrelay.proxy.cli.CheckFacts.Server;
import io.walrelay.proxy.cli.CheckFacts.Shown;
import io.walrelay.proxy.cli.CheckFacts.Slot;
import io.walrelay.proxy.cli.CheckFacts.Sql;
import io.walrelay.proxy.config.DataPlace;
import io.walrelay.proxy.config.FileFailure;
import io.walrelay.proxy.servers.SqlTarget;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;

/** Looks at servers and at the data directory, and changes neither: its one test file is removed again. */
final class Collector {

    private static final List<String> SHOWN = List.of(
            "server_version",
            "server_version_num",
            "wal_level",
            "max_wal_senders",
            "max_replication_slots",
            "max_slot_wal_keep_size",
            "block_size",
            "wal_block_size",
            "wal_segment_size",
            "synchronous_commit",
            "synchronous_standby_names");

    private Collector() {}

    /** Where a server is and how to log in there, as pgjdbc takes it. */
    static CheckFacts collect(List<SqlTarget> targets, String slot, Path data) {
        return new CheckFacts(targets.stream().map(target -> server(target, slot)).toList(), dataDirectory(data));
    }

    /** Both connections are held at once, so that the walsender which SQL counts is the one that the relay will need. */
    private static Server server(SqlTarget target, String slot) {
        Properties replicating = new Properties();
        replicating.putAll(target.properties());
        replicating.setProperty("replication", "true");
        replicating.setProperty("assumeMinServerVersion", "13");
        replicating.setProperty("preferQueryMode", "simple");
        try (Connection connection = DriverManager.getConnection(target.url(), replicating)) {
            Replication replication = replication(connection);
            return new Server(target.host(), new Answer.Known<>(replication), sql(target, slot));
        } catch (SQLException e) {
            return new Server(target.host(), unknown(e), sql(target, slot));
        }
    }

    private static Replication replication(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("IDENTIFY_SYSTEM")) {
            row.next();
            return new Replication(row.getString("systemid"), row.getInt("timeline"), shown(connection));
        }
    }

    private static Shown shown(Connection connection) throws SQLException {
        Map<String, String> values = new LinkedHashMap<>();
        try (Statement statement = connection.createStatement()) {
            for (String name : SHOWN) {
                try (ResultSet row = statement.executeQuery("SHOW " + name)) {
                    row.next();
                    values.put(name, row.getString(1));
                }
            }
        }
        return new Shown(values);
    }

    private static Answer<Sql> sql(SqlTarget target, String slot) {
        try (Connection connection = DriverManager.getConnection(target.url(), target.properties())) {
            return new Answer.Known<>(sql(connection, slot));
        } catch (SQLException e) {
            return unknown(e);
        }
    }

    private static Sql sql(Connection connection, String slot) throws SQLException {
        Duration skew = skew(connection);
        Optional<Slot> own = slot(connection, slot);
        Shown shown = shown(connection);
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("""
                        SELECT (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user),
                               has_function_privilege('pg_catalog.pg_replication_slot_advance(name, pg_lsn)', 'EXECUTE'),
                               pg_is_in_recovery(),
                               (SELECT count(*) FROM pg_stat_replication),
                               (SELECT count(*) FROM pg_replication_slots),
                               current_user
                        """)) {
            row.next();
            return new Sql(row.getString(6), row.getBoolean(1), row.getBoolean(2), row.getBoolean(3), row.getInt(4), row.getInt(5), own, skew, shown);
        }
    }

    private static Optional<Slot> slot(Connection connection, String name) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT slot_type, active, coalesce(wal_status, 'none') FROM pg_replication_slots WHERE slot_name = ?")) {
            statement.setString(1, name);
            try (ResultSet row = statement.executeQuery()) {
                return row.next() ? Optional.of(new Slot(row.getString(1), row.getBoolean(2), row.getString(3))) : Optional.empty();
            }
        }
    }

    /** The server's clock against the middle of the round trip. */
    private static Duration skew(Connection connection) throws SQLException {
        long before = System.currentTimeMillis();
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")) {
            row.next();
            long after = System.currentTimeMillis();
            return Duration.ofMillis(row.getLong(1) - (before + after) / 2);
        }
    }

    private static <T> Answer<T> unknown(SQLException e) {
        String message = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
        String state = e.getSQLState();
        return state == null ? new Answer.Unknown<>(message, "") : new Answer.Unknown<>("%s (SQLSTATE %s)".formatted(message, state), state);
    }

    /**
     * A file is written, flushed and removed: a directory that can't do this fails at the first segment. One that is missing is
     * judged by where {@code serve} would make it.
     */
    private static DataDirectory dataDirectory(Path data) {
        Optional<String> obstacle = DataPlace.obstacle(data);
        if (obstacle.isPresent()) {
            return new DataDirectory(data.toString(), obstacle, 0, 0, Optional.empty());
        }
        Path place = data.toAbsolutePath();
        while (!Files.exists(place) && place.getParent() != null) {
            place = place.getParent();
        }
        Path probe = place.resolve("check-%d.tmp".formatted(ProcessHandle.current().pid()));
        try {
            try (FileChannel channel = FileChannel.open(probe, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.allocate(8192));
                channel.force(true);
            } finally {
                Files.deleteIfExists(probe);
            }
            return new DataDirectory(data.toString(), Optional.empty(), used(data), Files.getFileStore(place).getUsableSpace(), systemId(data));
        } catch (IOException e) {
            return new DataDirectory(data.toString(), Optional.of(FileFailure.message(e)), 0, 0, Optional.empty());
        }
    }

    private static Optional<String> systemId(Path data) throws IOException {
        return Files.exists(data) ? KnownWal.read(new DurableFiles(PosixStorage.readOnly(data))).map(known -> known.system().toString()) : Optional.empty();
    }

    private static long used(Path data) throws IOException {
        if (!Files.exists(data)) {
            return 0;
        }
        try (Stream<Path> files = Files.walk(data)) {
            return files.map(Path::toFile).filter(File::isFile).mapToLong(File::length).sum();
        }
    }
}
