package io.walrelay.rewind.source;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.rewind.datadir.RecordEnd;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A running server, a primary or a hot standby, over SQL (pg_rewind: libpq_source.c). Needs the functions pg_ls_dir, pg_stat_file and
 * pg_read_binary_file, and no more. Several connections fetch at once; one that is lost is opened again, and what it was asked is asked again;
 * all lead to one server.
 */
public final class ServerSource implements RewindSource {

    /** pg_stat_file says nothing about links but those of tablespaces; a file that goes meanwhile has no size. */
    private static final String FILES =
            """
            WITH RECURSIVE files (path, filename, size, isdir) AS (
              SELECT '' AS path, filename, size, isdir
                FROM (SELECT pg_ls_dir('.', true, false) AS filename) AS names, pg_stat_file(names.filename, true) AS this
              UNION ALL
              SELECT parent.path || parent.filename || '/', name, this.size, this.isdir
                FROM files AS parent,
                     pg_ls_dir(parent.path || parent.filename, true, false) AS name,
                     pg_stat_file(parent.path || parent.filename || '/' || name, true) AS this
               WHERE parent.isdir
            )
            SELECT path || filename, size, isdir, pg_tablespace_location(t.oid)
              FROM files LEFT JOIN pg_tablespace t ON path = 'pg_tblspc/' AND t.oid::text = filename
            """;

    /** The functions that are called and that not everybody may call, by default. */
    private static final String FORBIDDEN =
            """
            SELECT quote_ident(current_user), quote_ident(current_database()), string_agg('pg_catalog.' || f, ', ')
              FROM unnest(ARRAY['pg_ls_dir(text, boolean, boolean)', 'pg_stat_file(text, boolean)',
                                'pg_read_binary_file(text)', 'pg_read_binary_file(text, bigint, bigint, boolean)']) AS f
             WHERE NOT has_function_privilege('pg_catalog.' || f, 'EXECUTE')
             HAVING count(*) > 0
            """;

    private static final String MAY_NOT_STREAM = "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = current_user AND NOT (rolreplication OR rolsuper)";

    private final String description;
    private final SameServer same;
    private final SourceSession session;
    private final ParallelFetch fetcher;

    /**
     * @param description for messages, without a password
     * @param first a connection that is open already; closed with this
     * @param opener of those beside it, and of one in its place when it is lost
     * @param jobs how many connections fetch at once
     */
    public ServerSource(String description, Connection first, SourceSession.Opener opener, int jobs) {
        this.description = description;
        this.same = new SameServer(first, opener);
        this.session = new SourceSession(same);
        this.fetcher = new ParallelFetch(same, jobs);
    }

    @Override
    public void check() throws IOException, RefusedException {
        requireRights();
        if (!session.ask(connection -> single(connection, "SHOW full_page_writes")).equals("on")) {
            throw new RefusedException("full_page_writes must be enabled in the source server", "Blocks may be torn when they are read, and only whole pages in the WAL mend them.");
        }
    }

    private void requireRights() throws IOException, RefusedException {
        Optional<RefusedException> refusal = session.ask(connection -> {
            try (Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery(FORBIDDEN)) {
                return row.next() ? Optional.of(forbidden(row.getString(1), row.getString(2), row.getString(3))) : Optional.empty();
            }
        });
        if (refusal.isPresent()) {
            throw refusal.get();
        }
    }

    private static RefusedException forbidden(String role, String database, String functions) {
        return new RefusedException("the role %s may not call on the source: %s".formatted(role, functions),
                "As a superuser there, in the database %s: GRANT EXECUTE ON FUNCTION %s TO %s".formatted(database, functions, role));
    }

    /** The role of the sessions, quoted, when it has not got what streaming needs. */
    public Optional<String> roleThatMayNotStream() throws IOException {
        return session.ask(connection -> {
            try (Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery(MAY_NOT_STREAM)) {
                return row.next() ? Optional.of(row.getString(1)) : Optional.empty();
            }
        });
    }

    @Override
    public String describe() {
        return "server " + description;
    }

    @Override
    public boolean isRunning() {
        return true;
    }

    @Override
    public List<FileEntry> files() throws IOException {
        return session.ask(ServerSource::list);
    }

    private static List<FileEntry> list(Connection connection) throws SQLException {
        List<FileEntry> files = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(FILES)) {
            while (row.next()) {
                long size = row.getLong(2);
                if (row.wasNull()) {
                    continue;
                }
                String link = row.getString(4);
                String path = row.getString(1);
                // A tablespace that was made in place is a directory, and its location a relative path.
                if (link != null && link.startsWith("/")) {
                    files.add(FileEntry.link(path, link));
                } else {
                    files.add(row.getBoolean(3) ? FileEntry.directory(path) : FileEntry.regular(path, size));
                }
            }
        }
        return files;
    }

    @Override
    public Optional<byte[]> read(String path) throws IOException {
        return session.ask(connection -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT pg_read_binary_file(?)")) {
                statement.setString(1, path);
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    return Optional.ofNullable(row.getBytes(1));
                }
            } catch (SQLException e) {
                if (SourceSession.UNDEFINED_FILE.equals(e.getSQLState())) {
                    return Optional.empty();
                }
                throw e;
            }
        });
    }

    @Override
    public Optional<byte[]> read(String path, long offset, int length) throws IOException {
        return session.ask(connection -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT pg_read_binary_file(?, ?, ?, true)")) {
                statement.setString(1, path);
                statement.setLong(2, offset);
                statement.setLong(3, length);
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    return Optional.ofNullable(row.getBytes(1));
                }
            }
        });
    }

    @Override
    public void fetch(List<Fetch> wanted, Sink sink) throws IOException {
        fetcher.fetch(wanted, sink);
    }

    /**
     * A primary: as far as WAL was inserted, whose blocks may have been read. A standby: its minRecoveryPoint, which is moved before a block
     * is written that needs it.
     */
    @Override
    public ReplayEnd replayEnd(ControlFile before, ControlFile after) throws IOException, RefusedException {
        return switch (after.state()) {
            case IN_ARCHIVE_RECOVERY -> new ReplayEnd(after.minRecoveryPoint(), after.minRecoveryPointTimeline()
                    .orElseThrow(() -> new RefusedException("the source is a standby without a minRecoveryPoint", "Run this again once it is consistent.")));
            case IN_PRODUCTION -> new ReplayEnd(RecordEnd.before(insertLsn(), after.segmentSize()), after.timeline());
            case STARTUP, SHUTDOWNED, SHUTDOWNED_IN_RECOVERY, SHUTDOWNING, IN_CRASH_RECOVERY ->
                throw new RefusedException("source system was in unexpected state at end of rewind: %s".formatted(after.state()));
        };
    }

    private Lsn insertLsn() throws IOException {
        return Lsn.parse(session.ask(connection -> single(connection, "SELECT pg_current_wal_insert_lsn()")));
    }

    private static String single(Connection connection, String query) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(query)) {
            row.next();
            return row.getString(1);
        }
    }

    @Override
    public void close() {
        fetcher.close();
        session.close();
        same.close();
    }
}
