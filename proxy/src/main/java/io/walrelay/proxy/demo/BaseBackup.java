package io.walrelay.proxy.demo;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Copies a running server's data directory into a standby's, by the low-level backup functions, as pg_basebackup does over the
 * wire (PostgreSQL: basebackup.c for what is left out). Both directories are on this machine.
 */
final class BaseBackup {

    private static final Path CONTROL_FILE = Path.of("global", "pg_control");

    /** Directories that are made empty (basebackup.c, excludeDirContents; the WAL is handled apart). */
    private static final Set<String> LEFT_EMPTY = Set.of(
            "pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans");

    private static final Set<String> LEFT_OUT = Set.of(
            "postmaster.pid", "postmaster.opts", "postgresql.auto.conf.tmp", "current_logfiles.tmp", "pg_internal.init",
            "backup_label", "tablespace_map", "standby.signal", "recovery.signal", "backup_manifest");

    private BaseBackup() {}

    /**
     * @param target  must not exist
     * @param copyWal whether the WAL from the backup's start to its end comes along
     */
    static void copy(LocalPostgres source, Path target, boolean copyWal) throws IOException {
        int major = source.binaries().major();
        String start = major >= 15 ? "pg_backup_start('walrelay', true)" : "pg_start_backup('walrelay', true, false)";
        String stop = major >= 15 ? "pg_backup_stop(false)" : "pg_stop_backup(false, false)";
        // The functions belong to one session: when it ends early, so does the backup.
        try (Connection session = source.connect();
                Statement statement = session.createStatement()) {
            statement.execute("SELECT " + start);
            copyTree(source.dataDirectory(), target);
            try (ResultSet row = statement.executeQuery("SELECT labelfile, spcmapfile FROM " + stop)) {
                row.next();
                if (row.getString(2) != null && !row.getString(2).isBlank()) {
                    throw new IllegalStateException("server \"%s\" has tablespaces; they are not copied".formatted(source.name()));
                }
                Files.writeString(target.resolve("backup_label"), row.getString(1));
            }
        } catch (SQLException e) {
            throw new IllegalStateException("could not copy server \"%s\"".formatted(source.name()), e);
        }
        Files.createDirectory(target.resolve("pg_wal/archive_status"));
        if (copyWal) {
            copyWal(source.dataDirectory().resolve("pg_wal"), target.resolve("pg_wal"));
        }
        Files.createFile(target.resolve("standby.signal"));
    }

    private static void copyTree(Path source, Path target) throws IOException {
        Files.walkFileTree(source, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) throws IOException {
                Path relative = source.relativize(directory);
                if (relative.toString().equals("pg_tblspc")) {
                    Files.createDirectory(target.resolve(relative));
                    return FileVisitResult.SKIP_SUBTREE;
                }
                if (directory.endsWith("pgsql_tmp")) {
                    return FileVisitResult.SKIP_SUBTREE;
                }
                Path copy = target.resolve(relative);
                Files.createDirectory(copy);
                Files.setPosixFilePermissions(copy, Files.getPosixFilePermissions(directory));
                return LEFT_EMPTY.contains(relative.toString()) ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Path relative = source.relativize(file);
                if (!LEFT_OUT.contains(file.toFile().getName()) && !relative.equals(CONTROL_FILE)) {
                    copyIfThere(file, target.resolve(relative));
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                // Tables are dropped while we copy; replay drops them again.
                if (failure instanceof NoSuchFileException) {
                    return FileVisitResult.CONTINUE;
                }
                throw failure;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure) throws IOException {
                if (failure != null) {
                    throw failure;
                }
                return FileVisitResult.CONTINUE;
            }
        });
        // Last, as pg_basebackup has it: a copy that was cut short does not look like a cluster.
        Files.copy(source.resolve(CONTROL_FILE), target.resolve(CONTROL_FILE), StandardCopyOption.COPY_ATTRIBUTES);
    }

    private static void copyWal(Path source, Path target) throws IOException {
        try (Stream<Path> files = Files.list(source)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                copyIfThere(file, target.resolve(file.toFile().getName()));
            }
        }
    }

    private static void copyIfThere(Path file, Path copy) throws IOException {
        try {
            Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
        } catch (NoSuchFileException vanished) {
            Files.deleteIfExists(copy);
        }
    }
}
