package io.walrelay.proxy.console.sql;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.protocol.message.Diagnostic;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The expected values are what PostgreSQL 17 gives. */
final class QueryTest {

    private final TestCatalog catalog = new TestCatalog();

    private Query query(String sql) {
        Statement.Select select = (Statement.Select) Parser.parse(sql).getFirst();
        return new Query(select, catalog, Parameters.declared(List.of()));
    }

    private String rows(String sql) {
        Query query = query(sql);
        return query.rows().stream()
                .map(row -> IntStream.range(0, row.length).mapToObj(i -> text(query.columns().get(i), row[i])).collect(Collectors.joining(",")))
                .collect(Collectors.joining(" "));
    }

    private static String text(ResultColumn column, @Nullable Object value) {
        return value == null ? "NULL" : TextFormat.write(column.type(), value);
    }

    private static Diagnostic error(Runnable work) {
        return assertThrows(SqlError.class, work::run).diagnostic();
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', value = {
        "1 ; integer ; 1",
        "2147483648 ; bigint ; 2147483648",
        "9223372036854775808 ; numeric ; 9223372036854775808",
        "1.50 ; numeric ; 1.50",
        "'a''b' ; text ; a'b",
        "NULL ; text ; NULL",
        "true ; boolean ; t",
        "-5 % 3 ; integer ; -2",
        "7 / 2 ; integer ; 3",
        "7 / 2.0 ; numeric ; 3.5000000000000000",
        "1 / 3.0 ; numeric ; 0.33333333333333333333",
        "2 + 3 * 4 ; integer ; 14",
        "(2 + 3) * 4 ; integer ; 20",
        "1 + 2147483648 ; bigint ; 2147483649",
        "1::float8 / 3 ; double precision ; 0.3333333333333333",
        "1e15::float8 ; double precision ; 1e+15",
        "'12'::int + 1 ; integer ; 13",
        "'abc' || 1 ; text ; abc1",
        "NULL || 'a' ; text ; NULL",
        "NULL AND false ; boolean ; f",
        "NULL AND true ; boolean ; NULL",
        "NULL OR true ; boolean ; t",
        "NULL OR false ; boolean ; NULL",
        "NOT NULL ; boolean ; NULL",
        "NULL IS NULL ; boolean ; t",
        "1 IS NOT NULL ; boolean ; t",
        "NULL IS NOT TRUE ; boolean ; t",
        "1 IN (1, 2) ; boolean ; t",
        "3 IN (1, NULL) ; boolean ; NULL",
        "3 NOT IN (1, 2) ; boolean ; t",
        "NULL = NULL ; boolean ; NULL",
        "1 <> 2 AND 'a' < 'b' ; boolean ; t",
        "true = 't' ; boolean ; t",
        "CASE WHEN false THEN 1 END ; integer ; NULL",
        "CASE true WHEN 't' THEN 1 ELSE 2.5 END ; numeric ; 1",
        "CASE WHEN true THEN true ELSE fail() END ; boolean ; t",
        "coalesce(NULL, 'x') ; text ; x",
        "greatest(0, NULL) ; integer ; 0",
        "least(3, 1.5) ; numeric ; 1.5",
        "nullif(1, 1) ; integer ; NULL",
        "'16/B374D848'::pg_lsn - '0/0' ; numeric ; 97500059720",
        "'FFFFFFFF/FFFFFFFF'::pg_lsn - '0/0' ; numeric ; 18446744073709551615",
        "pg_wal_lsn_diff('0/10', '0/20')::bigint ; bigint ; -16",
        "pg_lsn('0/0') ; pg_lsn ; 0/0",
        "pg_size_pretty(10239::bigint) ; text ; 10239 bytes",
        "pg_size_pretty(10240::bigint) ; text ; 10 kB",
        "pg_size_pretty(1073741824::numeric) ; text ; 1024 MB",
        "round(2.5) ; numeric ; 3",
        "round(1.255, 2) ; numeric ; 1.26",
        "now() ; timestamp with time zone ; 2026-01-02 03:04:05.678+00",
        "now() - '2026-01-01' ; interval ; 1 day 03:04:05.678",
        "now() - now() ; interval ; 00:00:00",
        "now() + '1 day' > now() ; boolean ; t",
        "extract(epoch from now()) ; numeric ; 1767323045.678000",
        "extract(epoch from interval('1 day 00:00:01.5')) ; numeric ; 86401.500000",
        "date_part('epoch', now()) ; double precision ; 1767323045.678",
        "'1 day -00:00:30'::interval ; interval ; 1 day -00:00:30",
        "'192.168.0.1'::inet ; inet ; 192.168.0.1",
        "pg_catalog.lower('ABC') ; text ; abc",
        "cast('7' AS bigint) ; bigint ; 7",
        "1.5::int ; integer ; 2",
        "2.5::float8::int ; integer ; 2",
        "true::int + 1 ; integer ; 2",
        "(SELECT max(id) FROM t) ; integer ; 3",
        "(SELECT name FROM t WHERE id = 3) ; text ; NULL",
        "(SELECT t.id FROM t WHERE t.id > 5) ; integer ; NULL",
        "pair('x') ; record ; (x,)",
        "lenient(1) ; text ; one",
        "lenient(NULL) ; text ; all"
    })
    void anExpressionHasATypeAndAValue(String expression, String type, String value) {
        Query query = query("SELECT " + expression);
        assertEquals(type, query.columns().getFirst().type().toString());
        assertEquals(value, rows("SELECT " + expression));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "SELECT id FROM t ORDER BY name | 2 1 3",
        "SELECT id FROM t ORDER BY name DESC | 3 1 2",
        "SELECT id FROM t ORDER BY name NULLS FIRST, id | 3 2 1",
        "SELECT name AS n, id FROM t ORDER BY 2 DESC LIMIT 2 | NULL,3 a,2",
        "SELECT id AS x FROM t ORDER BY -id | 3 2 1",
        "SELECT * FROM t WHERE ok | 1,b,0/10,t",
        "SELECT w.* FROM t w WHERE w.lsn IS NOT NULL AND w.id < 3 | 1,b,0/10,t",
        "SELECT count(*), count(name), max(lsn), min(name), sum(id) FROM t | 3,2,1/0,a,6",
        "SELECT count(*) FROM t WHERE id > 10 | 0",
        "SELECT sum(id) FROM t WHERE id > 10 | NULL",
        "SELECT count(*) = 1 FROM t WHERE id = 1 | t",
        "WITH s AS (SELECT id * 2 AS d FROM t) SELECT *, pg_size_pretty(d::bigint) AS p FROM s ORDER BY 1 DESC LIMIT 1 | 6,6 bytes",
        "SELECT a.id, b.id FROM t a, t b WHERE a.id < b.id ORDER BY 1, 2 | 1,2 1,3 2,3",
        "SELECT x.n FROM (SELECT name AS n FROM t WHERE ok) x | b",
        "SELECT * FROM pair('p') | p,NULL",
        "SELECT now FROM now() | 2026-01-02 03:04:05.678+00",
        "WITH w AS (SELECT 7 AS a) SELECT (SELECT a FROM w), (SELECT (SELECT a FROM w)) | 7,7",
        "SELECT (WITH w AS (SELECT t.id AS i) SELECT (SELECT i FROM w)) FROM t | 1 2 3",
        "SELECT json_agg(r.*) FROM (SELECT id, name FROM t WHERE id < 2) r | [{\"id\":1,\"name\":\"b\"}]",
        "SELECT (SELECT json_agg(r) FROM (SELECT id FROM t WHERE id > 9) r) | NULL",
        "SELECT id FROM t WHERE id IN (3, 1) /* a comment /* in another */ */ -- and one more | 1 3"
    })
    void aQueryHasRows(String sql, String expected) {
        assertEquals(expected, rows(sql));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "SELECT id FROM t | id",
        "SELECT id AS \"Id\" FROM t | Id",
        "SELECT count(*) FROM t | count",
        "SELECT 1 | ?column?",
        "SELECT 1 x | x",
        "SELECT 'a'::text | text",
        "SELECT id::text FROM t | id",
        "SELECT CASE WHEN true THEN 1 END | case",
        "SELECT coalesce(id, 1) FROM t | coalesce",
        "SELECT extract(epoch from now()) | extract",
        "SELECT true | bool",
        "SELECT (SELECT 1 AS y) | y"
    })
    void aColumnIsCalledAsInPostgresql(String sql, String name) {
        assertEquals(name, query(sql).columns().getFirst().name());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "SELECT nosuch FROM t | 42703 | 8 | column \"nosuch\" does not exist",
        "SELECT t.nosuch FROM t | 42703 | 8 | column t.nosuch does not exist",
        "SELECT x.id FROM t | 42P01 | 8 | missing FROM-clause entry for table \"x\"",
        "SELECT id FROM t a, t b | 42702 | 8 | column reference \"id\" is ambiguous",
        "SELECT 1 FROM t, t | 42712 | 18 | table name \"t\" specified more than once",
        "SELECT * FROM nosuch | 42P01 | 15 | relation \"nosuch\" does not exist",
        "SELECT nosuch(1, 'a') | 42883 | 8 | function nosuch(integer, unknown) does not exist",
        "SELECT 1 + 'a'::text | 42883 | 10 | operator does not exist: integer + text",
        "SELECT 1 + 'x' | 22P02 | 12 | invalid input syntax for type integer: \"x\"",
        "SELECT 'x'::pg_lsn | 22P02 | 8 | invalid input syntax for type pg_lsn: \"x\"",
        "SELECT 1::nosuch | 42704 | 11 | type \"nosuch\" does not exist",
        "SELECT true::pg_lsn | 42846 | 12 | cannot cast type boolean to pg_lsn",
        "SELECT 1 WHERE 1 | 42804 | 16 | argument of WHERE must be type boolean, not type integer",
        "SELECT coalesce(1, now()) | 42804 | 20 | COALESCE types integer and timestamp with time zone cannot be matched",
        "SELECT id, count(*) FROM t | 42803 | 8 | column \"id\" must appear in the GROUP BY clause or be used in an aggregate function",
        "SELECT count(*), row_to_json(a) FROM t a | 42803 | 30 | column \"a.*\" must appear in the GROUP BY clause or be used in an aggregate function",
        "WITH w AS (SELECT 1 FROM w) SELECT (SELECT 1 FROM w) | 42P01 | 26 | relation \"w\" does not exist",
        "SELECT 1 FROM t WHERE count(*) > 1 | 42803 | 23 | aggregate functions are not allowed here",
        "SELECT max(count(*)) FROM t | 42803 | 12 | aggregate functions are not allowed here",
        "SELECT id FROM t ORDER BY 2 | 42P10 | 27 | ORDER BY position 2 is not in select list",
        "SELECT * | 42601 | 8 | SELECT * with no tables specified is not valid",
        "SELECT (SELECT 1, 2) | 42601 | 8 | subquery must return only one column",
        "SELECT é, nosuch FROM t | 42703 | 8 | column \"é\" does not exist",
        "SELECT 'é', nosuch FROM t | 42703 | 13 | column \"nosuch\" does not exist"
    })
    void anErrorSaysWhereItIs(String sql, String state, int position, String message) {
        Diagnostic error = error(() -> query(sql));
        assertEquals(List.of(state, message), List.of(error.sqlState(), error.message()));
        assertEquals(position, error.position().orElse(0));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "SELECT 1 / 0 | 22012",
        "SELECT 2147483647 + 1 | 22003",
        "SELECT 9223372036854775807 + 1 | 22003",
        "SELECT 1e999 * 1e999 | 22003",
        "SELECT 3000000000::int | 22003",
        "SELECT fail() | 55000",
        "SELECT (SELECT id FROM t) | 21000",
        "SELECT id FROM t LIMIT -1 | 2201W",
        "SELECT count(*) FROM many a, many b, many c | 54000",
        "SELECT a.id FROM many a, many b, many c ORDER BY a.id | 54000"
    })
    void anErrorComesWhenItIsCarriedOut(String sql, String state) {
        Query query = query(sql);
        assertEquals(state, error(query::rows).sqlState());
    }

    @Test
    void nothingIsCalledWhileAStatementIsAnalyzed() {
        Query query = query("SELECT touch('a'), touch(NULL), CASE touch('b') WHEN 'x' THEN 1 WHEN 'b' THEN 2 END");
        assertEquals(List.of(), catalog.calls());
        assertEquals(2, query.rows().getFirst()[2]);
        assertEquals(List.of("a", "b"), catalog.calls());
    }

    @Test
    void parametersHaveTheTypesThatTheirPlacesAskFor() {
        Statement.Select select = (Statement.Select) Parser.parse("SELECT $3 FROM t WHERE id = $1 AND lsn < $2").getFirst();
        Query query = new Query(select, catalog, Parameters.declared(List.of()));
        assertEquals(List.of(SqlType.INT4, SqlType.PG_LSN, SqlType.TEXT), query.parameterTypes());
        List<Object> values = Arrays.asList(1, TextFormat.parse(SqlType.PG_LSN, "0/11"), "x");
        Query bound = new Query(select, catalog, Parameters.bound(query.parameterTypes(), List.copyOf(values)));
        assertEquals("x", bound.rows().getFirst()[0]);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1+", "NOT ", "- ", "(", "coalesce(", "CASE WHEN true THEN ", "1||", "true AND ", "1=1 OR "})
    void whatIsNestedTooDeeplyIsRefused(String piece) {
        String sql = "SELECT " + piece.repeat(60_000 / piece.length()) + "1";
        assertEquals("54001", error(() -> Parser.parse(sql)).sqlState());
    }

    @Test
    void whatIsNestedAsDeeplyAsMayBeIsCarriedOut() {
        assertEquals("241", rows("SELECT " + "1+".repeat(240) + "1"));
        assertEquals("1", rows("SELECT " + "(".repeat(30) + "1" + ")".repeat(30)));
    }

    @Test
    void aShortTextThatIsLongToAnalyzeIsRefused() {
        String sql = "SELECT 1 AS x";
        for (int i = 0; i < 40; i++) {
            sql = "WITH a AS (%s) SELECT 1 AS x FROM a p, a q".formatted(sql);
        }
        String written = sql;
        assertEquals("54000", error(() -> query(written)).sqlState());
    }

    @Test
    void aTextThatDoublesIsRefused() {
        String sql = "SELECT 'xxxxxxxxxx' AS x";
        for (int i = 0; i < 40; i++) {
            sql = "SELECT x || x AS x FROM (%s) s".formatted(sql);
        }
        String written = sql;
        assertEquals("54000", error(() -> query(written).rows()).sqlState());
    }
}
