package io.walrelay.proxy.console.sql;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A relation {@code t} of three rows and one {@code many} of a thousand, a function that counts its calls, one that is not strict, and a clock that stands still. */
public final class TestCatalog implements Catalog {

    private final List<String> calls = new ArrayList<>();

    /** What touch() was called with. */
    public List<String> calls() {
        return calls;
    }

    @Override
    public Optional<Relation> relation(Optional<String> schema, String name) {
        List<ResultColumn> columns = List.of(
                new ResultColumn("id", SqlType.INT4), new ResultColumn("name", SqlType.TEXT), new ResultColumn("lsn", SqlType.PG_LSN), new ResultColumn("ok", SqlType.BOOL));
        return switch (name) {
            case "t" -> Optional.of(new Relation("t", columns, () -> List.of(row(1, "b", "0/10", true), row(2, "a", null, false), row(3, null, "1/0", null))));
            case "many" -> Optional.of(new Relation("many", columns, () -> {
                List<List<@Nullable Object>> rows = new ArrayList<>();
                for (int i = 0; i < 1000; i++) {
                    rows.add(row(i, "n" + i, "0/10", true));
                }
                return rows;
            }));
            default -> Optional.empty();
        };
    }

    private static List<@Nullable Object> row(int id, @Nullable String name, @Nullable String lsn, @Nullable Boolean ok) {
        return Arrays.asList(id, name, lsn == null ? null : TextFormat.parse(SqlType.PG_LSN, lsn), ok);
    }

    @Override
    public List<SqlFunction> functions(String name) {
        return switch (name) {
            case "touch" -> List.of(SqlFunction.scalar("touch", List.of(SqlType.TEXT), SqlType.TEXT, a -> {
                calls.add((String) a.getFirst());
                return a.getFirst();
            }));
            case "fail" -> List.of(SqlFunction.scalar("fail", List.of(), SqlType.BOOL, _ -> {
                throw new SqlError("55000", "it failed");
            }));
            case "now" -> List.of(SqlFunction.scalar("now", List.of(), SqlType.TIMESTAMPTZ, _ -> now()));
            case "pair" -> List.of(SqlFunction.row("pair", List.of(SqlType.NAME), List.of(new ResultColumn("a", SqlType.NAME), new ResultColumn("b", SqlType.INT4)), a ->
                    new RowValue(List.of(new ResultColumn("a", SqlType.NAME), new ResultColumn("b", SqlType.INT4)), Arrays.asList(a.getFirst(), null))));
            case "lenient" -> List.of(SqlFunction.scalar("lenient", List.of(SqlType.INT4), SqlType.TEXT, _ -> "one").onNull(_ -> "all"));
            default -> List.of();
        };
    }

    @Override
    public int serverMajor() {
        return 17;
    }

    @Override
    public Instant now() {
        return Instant.parse("2026-01-02T03:04:05.678Z");
    }
}
