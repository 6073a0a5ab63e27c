package io.walrelay.proxy.console;

import static io.walrelay.proxy.console.sql.SqlType.BOOL;
import static io.walrelay.proxy.console.sql.SqlType.INT4;
import static io.walrelay.proxy.console.sql.SqlType.NAME;
import static io.walrelay.proxy.console.sql.SqlType.PG_LSN;
import static io.walrelay.proxy.console.sql.SqlType.TEXT;
import static io.walrelay.proxy.console.sql.SqlType.TIMESTAMPTZ;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.console.sql.Catalog;
import io.walrelay.proxy.console.sql.Relation;
import io.walrelay.proxy.console.sql.SqlError;
import io.walrelay.proxy.console.sql.SqlFunction;
import io.walrelay.proxy.console.sql.SqlType;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Everything that a console's user can read and call, as of one moment. */
final class RelayCatalog implements Catalog {

    private static final Diagnostic IN_RECOVERY = Diagnostic.error("55000", "recovery is in progress")
            .withHint("WAL control functions cannot be executed during recovery; the relay writes no WAL of its own.");

    private final RelayView relay;
    private final ConsoleUser user;
    private final ConsoleSettings settings;
    private final PostgresViews views;
    private final OwnTables own;

    RelayCatalog(RelayView relay, ConsoleUser user, ConsoleSettings settings) {
        this.relay = relay;
        this.user = user;
        this.settings = settings;
        this.views = new PostgresViews(relay);
        this.own = new OwnTables(relay);
    }

    @Override
    public Optional<Relation> relation(Optional<String> schema, String name) {
        if (schema.isPresent() && schema.get().equals(OwnTables.SCHEMA)) {
            return own.find(name);
        }
        if (schema.isPresent() && !schema.get().equals("pg_catalog")) {
            return Optional.empty();
        }
        return name.equals("pg_settings") ? Optional.of(settings.relation(relay.facts())) : views.find(name);
    }

    @Override
    public List<SqlFunction> functions(String name) {
        return Stream.of(positions(), session(), views.functions(), new SlotFunctions(relay.cache(), relay.state().events(), user).all())
                .flatMap(List::stream)
                .filter(function -> function.name().equals(name))
                .toList();
    }

    @Override
    public int serverMajor() {
        return relay.serverMajor();
    }

    @Override
    public Instant now() {
        return relay.now();
    }

    /** The relay replays nothing. What it says of replay is how far a server could replay what it has on its disk. */
    private List<SqlFunction> positions() {
        return List.of(
                SqlFunction.scalar("pg_is_in_recovery", List.of(), BOOL, _ -> true),
                SqlFunction.scalar("pg_is_wal_replay_paused", List.of(), BOOL, _ -> false),
                SqlFunction.scalar("pg_last_wal_receive_lsn", List.of(), PG_LSN, _ -> RelayView.position(relay.end().flushed())),
                SqlFunction.scalar("pg_last_wal_replay_lsn", List.of(), PG_LSN, _ -> RelayView.position(relay.end().acknowledgeable())),
                SqlFunction.scalar("pg_last_xact_replay_timestamp", List.of(), TIMESTAMPTZ, _ -> null),
                inRecovery("pg_current_wal_lsn", List.of(), PG_LSN),
                inRecovery("pg_current_wal_flush_lsn", List.of(), PG_LSN),
                inRecovery("pg_current_wal_insert_lsn", List.of(), PG_LSN),
                inRecovery("pg_walfile_name", List.of(PG_LSN), TEXT));
    }

    private static SqlFunction inRecovery(String name, List<SqlType> parameters, SqlType result) {
        return SqlFunction.scalar(name, parameters, result, _ -> {
            throw new SqlError(IN_RECOVERY);
        });
    }

    private List<SqlFunction> session() {
        return Stream.concat(
                        Stream.of("current_user", "session_user", "user", "current_role")
                                .map(name -> SqlFunction.scalar(name, List.of(), NAME, _ -> user.name())),
                        Stream.of(
                                SqlFunction.scalar("current_catalog", List.of(), NAME, _ -> ConsoleUser.DATABASE),
                                SqlFunction.scalar("current_database", List.of(), NAME, _ -> ConsoleUser.DATABASE),
                                SqlFunction.scalar("current_schema", List.of(), NAME, _ -> "pg_catalog"),
                                SqlFunction.scalar("now", List.of(), TIMESTAMPTZ, _ -> relay.now()),
                                SqlFunction.scalar("current_timestamp", List.of(), TIMESTAMPTZ, _ -> relay.now()),
                                SqlFunction.scalar("clock_timestamp", List.of(), TIMESTAMPTZ, _ -> relay.state().clock().instant().truncatedTo(ChronoUnit.MICROS)),
                                SqlFunction.scalar("pg_backend_pid", List.of(), INT4, _ -> user.pid()),
                                SqlFunction.scalar("pg_postmaster_start_time", List.of(), TIMESTAMPTZ, _ -> started()),
                                SqlFunction.scalar("version", List.of(), TEXT, _ -> "PostgreSQL %s, as walrelay relays it".formatted(relay.serverVersion())),
                                SqlFunction.scalar("current_setting", List.of(TEXT), TEXT, a -> settings.value((String) a.getFirst(), relay.facts())),
                                SqlFunction.scalar("current_setting", List.of(TEXT, BOOL), TEXT, a -> (Boolean) a.get(1)
                                        ? settings.find((String) a.getFirst(), relay.facts()).map(ConsoleSettings.Shown::value).orElse(null)
                                        : settings.value((String) a.getFirst(), relay.facts()))))
                .toList();
    }

    private static Object started() {
        return ProcessHandle.current().info().startInstant().orElse(Instant.EPOCH).truncatedTo(ChronoUnit.MICROS);
    }
}
