package io.walrelay.proxy.console.sql;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What a statement may cost: memory as the budget counts it, since nothing can be said of a heap that others use, too. */
final class LimitsTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    /** By so much the last row or text goes beyond what there may be. */
    private static final long MORE = 3L << 20;

    private final Budget budget = Budget.begin();

    private static Query query(String sql, Catalog catalog, Budget limit) {
        return new Query((Statement.Select) Parser.parse(sql).getFirst(), catalog, Parameters.declared(List.of()), limit);
    }

    private Query query(String sql) {
        return query(sql, new TestCatalog(), budget);
    }

    /** A query of one row, one text of 16384 characters that are doubled so many times. */
    private static String text(int doublings) {
        String sql = "SELECT '%s' AS x".formatted("x".repeat(16_384));
        for (int i = 0; i < doublings; i++) {
            sql = "SELECT x || x AS x FROM (%s) s".formatted(sql);
        }
        return sql;
    }

    /** {@code outer} around {@code inner}, so many times. */
    private static String nested(String outer, String inner, int times) {
        String sql = inner;
        for (int i = 0; i < times; i++) {
            sql = outer.formatted(sql);
        }
        return sql;
    }

    private static String times(String expression, int times) {
        return String.join(",", Collections.nCopies(times, expression));
    }

    static Stream<String> tooMuchToKeep() {
        String quotes = "SELECT '%s' AS x".formatted("\"".repeat(60_000));
        return Stream.of(
                "SELECT 1 FROM pg_type a, pg_type b, pg_type c, pg_type d, pg_type e, pg_type f",
                "SELECT 1 FROM pg_type a, pg_type b, pg_type c, pg_type d, pg_type e, pg_type f LIMIT 1",
                "SELECT a.id FROM many a, many b ORDER BY a.id",
                nested("SELECT row_to_json(s)::text AS x FROM (%s) s", quotes, 12),
                nested("SELECT s::text AS x FROM (%s) s", quotes, 12),
                nested("SELECT s AS x, s AS y FROM (%s) s", "SELECT 1 AS x", 40).replaceFirst("SELECT s AS x", "SELECT s::text AS x"),
                "SELECT %s FROM (%s) s".formatted(times("row_to_json(s)", 1600), text(5)),
                "SELECT %s FROM (%s) s".formatted(times("json_agg(x)", 1600), text(5)),
                "SELECT %s FROM (%s) s".formatted(times("lower(x)", 1600), text(5)),
                "SELECT %s FROM (%s) s".formatted(times("s::text", 1600), text(5)),
                "SELECT %s FROM many".formatted(times("1e900 * id", 100)),
                "WITH w AS (SELECT 1 AS x WHERE 1 IN (%s)) SELECT 1 FROM %s".formatted(
                        times("1", 10_000), IntStream.range(0, 100).mapToObj(i -> "w a" + i).reduce((a, b) -> a + "," + b).orElseThrow()));
    }

    @ParameterizedTest
    @MethodSource("tooMuchToKeep")
    void whatNeedsTooMuchMemoryIsRefused(String sql) {
        SqlError error = assertTimeoutPreemptively(SOON, () -> assertThrows(SqlError.class, () -> query(sql).rows()));
        assertEquals("54000", error.diagnostic().sqlState());
        assertTrue(budget.held() < Budget.BYTES + MORE, () -> "held " + budget.held());
    }

    @ParameterizedTest
    @MethodSource("cheap")
    void whatIsNotKeptIsNotCounted(String sql) {
        assertEquals(1, query(sql).rows().size());
        assertTrue(budget.held() < 1 << 20, () -> "held " + budget.held());
    }

    static Stream<String> cheap() {
        return Stream.of(
                "SELECT count(*) FROM (SELECT id FROM many WHERE id < 100) a, (SELECT id FROM many WHERE id < 200) b WHERE a.id = b.id",
                "SELECT count((SELECT max(id) FROM t WHERE t.id <> a.id)) FROM many a",
                "SELECT count(*) FROM many a, (SELECT id FROM t) b WHERE a.id = b.id");
    }

    @Test
    void tenThousandSlotsAreNotTooMany() {
        List<ResultColumn> columns = IntStream.range(0, 22).mapToObj(i -> new ResultColumn("c" + i, SqlType.INT8)).toList();
        Relation slots = new Relation("slots", columns, () -> IntStream.range(0, 10_000).mapToObj(i -> Collections.<@Nullable Object>nCopies(22, (long) i)).toList());
        Catalog catalog = new Catalog() {
            @Override
            public Optional<Relation> relation(Optional<String> schema, String name) {
                return Optional.of(slots);
            }

            @Override
            public List<SqlFunction> functions(String name) {
                return List.of();
            }

            @Override
            public int serverMajor() {
                return 17;
            }

            @Override
            public Instant now() {
                return Instant.EPOCH;
            }
        };
        assertEquals(10_000, query("SELECT * FROM slots ORDER BY c3 DESC, c1", catalog, budget).rows().size());
    }

    @ParameterizedTest
    @EnumSource(value = SqlType.class, mode = EnumSource.Mode.EXCLUDE, names = {"TEXT", "NAME", "UNKNOWN"})
    void aLongTextIsNoValueOfAnotherType(SqlType type) {
        for (String text : List.of("1".repeat(1_000_000) + "x", " ".repeat(1_000_000) + "x", "1 d".repeat(300_000))) {
            assertTimeoutPreemptively(SOON, () -> assertThrows(SqlError.class, () -> TextFormat.parse(type, text)));
        }
    }

    @Test
    void timeIsUpWhenItIs() {
        Query query = query("SELECT count(*) FROM many a, many b", new TestCatalog(), new Budget(System.nanoTime()));
        assertEquals("57014", assertThrows(SqlError.class, query::rows).diagnostic().sqlState());
    }

    @Test
    void longTextsCostWhatTheyAreLong() {
        String each = "SELECT count(*) FROM (%s) s, many a WHERE ".formatted(text(4));
        for (String condition : List.of("s.x = s.x", "length(s.x) > 1", "starts_with(s.x, 'x')", "greatest(s.x, s.x) IS NOT NULL")) {
            assertEquals("54000", assertThrows(SqlError.class, () -> query(each + condition, new TestCatalog(), Budget.begin()).rows()).diagnostic().sqlState());
        }
    }
}
