package io.walrelay.proxy.console;

import static io.walrelay.proxy.console.sql.SqlType.BOOL;
import static io.walrelay.proxy.console.sql.SqlType.NAME;
import static io.walrelay.proxy.console.sql.SqlType.PG_LSN;

import io.walrelay.cache.Reservations;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.console.sql.ResultColumn;
import io.walrelay.proxy.console.sql.RowValue;
import io.walrelay.proxy.console.sql.SqlError;
import io.walrelay.proxy.console.sql.SqlFunction;
import io.walrelay.proxy.console.sql.SqlType;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** PostgreSQL's functions that change slots (slotfuncs.c). They wait for the disk. */
final class SlotFunctions {

    private static final List<ResultColumn> MADE = List.of(new ResultColumn("slot_name", NAME), new ResultColumn("lsn", PG_LSN));
    private static final List<ResultColumn> ADVANCED = List.of(new ResultColumn("slot_name", NAME), new ResultColumn("end_lsn", PG_LSN));

    private static final Diagnostic DENIED = Diagnostic.error("42501", "permission denied to use replication slots")
            .withDetail("Only who may open a replication connection may use replication slots.")
            .withHint("give the role the REPLICATION attribute, and a line of listen.hba with the word replication that asks for what this session has proved");

    private interface Change<T> {
        T made() throws SlotException, IOException;
    }

    private final WalCache cache;
    private final Events events;
    private final ConsoleUser user;

    SlotFunctions(WalCache cache, Events events, ConsoleUser user) {
        this.cache = cache;
        this.events = events;
        this.user = user;
    }

    List<SqlFunction> all() {
        String create = "pg_create_physical_replication_slot";
        String copy = "pg_copy_physical_replication_slot";
        return List.of(
                SqlFunction.row(create, List.of(NAME), MADE, a -> create((String) a.get(0), false, false)),
                SqlFunction.row(create, List.of(NAME, BOOL), MADE, a -> create((String) a.get(0), (Boolean) a.get(1), false)),
                SqlFunction.row(create, List.of(NAME, BOOL, BOOL), MADE, a -> create((String) a.get(0), (Boolean) a.get(1), (Boolean) a.get(2))),
                SqlFunction.row(copy, List.of(NAME, NAME), MADE, a -> copy((String) a.get(0), (String) a.get(1), Optional.empty())),
                SqlFunction.row(copy, List.of(NAME, NAME, BOOL), MADE, a -> copy((String) a.get(0), (String) a.get(1), Optional.of((Boolean) a.get(2)))),
                SqlFunction.row("pg_replication_slot_advance", List.of(NAME, PG_LSN), ADVANCED, a -> advance((String) a.get(0), (Lsn) a.get(1))),
                SqlFunction.scalar("pg_drop_replication_slot", List.of(NAME), SqlType.VOID, a -> drop((String) a.get(0))));
    }

    private RowValue create(String name, boolean reserve, boolean temporary) {
        Slot made = change(() -> reservations().create(name, temporary, reserve, user.pid()));
        String kept = reserve ? "keeps WAL from %s on".formatted(made.restartLsn()) : "keeps no WAL before its standby has come";
        events.info("slot-created", "slot \"%s\" %s".formatted(name, kept));
        return row(MADE, name, RelayView.position(made.restartLsn()));
    }

    private RowValue copy(String source, String name, Optional<Boolean> temporary) {
        Slot made = change(() -> reservations().copy(source, name, temporary, user.pid()));
        events.info("slot-created", "slot \"%s\" is a copy of \"%s\" and keeps WAL from %s on".formatted(name, source, made.restartLsn()));
        return row(MADE, name, made.restartLsn());
    }

    private RowValue advance(String name, Lsn to) {
        Lsn reached = change(() -> reservations().advance(name, to, user.pid()));
        events.info("slot-advanced", "slot \"%s\" keeps WAL from %s on".formatted(name, reached));
        return row(ADVANCED, name, reached);
    }

    private String drop(String name) {
        change(() -> {
            cache.slots().drop(name, user.pid());
            return name;
        });
        events.info("slot-dropped", "slot \"%s\" keeps nothing any more".formatted(name));
        return "";
    }

    private Reservations reservations() {
        return cache.reservations();
    }

    private static RowValue row(List<ResultColumn> columns, @Nullable Object... values) {
        return new RowValue(columns, Arrays.asList(values));
    }

    private <T> T change(Change<T> change) {
        if (!user.managesSlots()) {
            throw new SqlError(DENIED);
        }
        try {
            return change.made();
        } catch (SlotException e) {
            throw new SqlError(e.diagnostic());
        } catch (CommandError e) {
            throw new SqlError(e.diagnostic());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
