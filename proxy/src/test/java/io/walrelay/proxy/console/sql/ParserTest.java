package io.walrelay.proxy.console.sql;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.Diagnostic;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ParserTest {

    /** Pieces that mean something somewhere, so that random rows of them get far. */
    private static final List<String> PIECES = List.of(
            "SELECT", "FROM", "WHERE", "ORDER BY", "LIMIT", "AS", "AND", "OR", "NOT", "IS", "NULL", "IN", "CASE", "WHEN", "THEN", "ELSE", "END", "WITH", "CAST",
            "EXTRACT", "SET", "SHOW", "RESET", "BEGIN", "COMMIT", "DISCARD ALL", "DEALLOCATE", "TRUE", "t", "id", "pg_catalog", "count", "*", "(", ")", ",", ";", ".",
            "::", "||", "=", "<", "+", "-", "/", "%", "'a'", "'", "\"q\"", "\"", "1", "2.5", "1e9", "99999999999999999999", "$1", "$", "$$", "--", "/*", "*/", "\u0000",
            "é", "\uD83D\uDE00", "\uD83D", "#", "int", "pg_lsn", "epoch", "now()", "DESC", "NULLS FIRST", "TRANSACTION", "TO", "DEFAULT", "E'x'", "1x");

    private static Diagnostic error(String sql) {
        return assertThrows(SqlError.class, () -> Parser.parse(sql), sql).diagnostic();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "SELEC 1 | 42601 | 1 | syntax error at or near \"SELEC\"",
        "SELECT | 42601 | 7 | syntax error at end of input",
        "SELECT FROM t | 42601 | 8 | syntax error at or near \"FROM\"",
        "SELECT 1 2 | 42601 | 10 | syntax error at or near \"2\"",
        "SELECT (1 | 42601 | 10 | syntax error at end of input",
        "SELECT 'abc | 42601 | 8 | unterminated quoted string at or near \"'abc\"",
        "SELECT \"abc | 42601 | 8 | unterminated quoted identifier at or near \"\"abc\"",
        "SELECT 1 /* x | 42601 | 10 | unterminated /* comment at or near \"/* x\"",
        "SELECT 1x | 42601 | 8 | trailing junk after numeric literal at or near \"1x\"",
        "SELECT $0 | 42P02 | 8 | there is no parameter $0",
        "SELECT $99999999999 | 42P02 | 8 | there is no parameter $99999999999",
        "SELECT $$a$$ | 0A000 | 8 | dollar quoting is not supported by the relay's console",
        "SELECT E'a' | 0A000 | 8 | a string that begins with E' is not supported by the relay's console",
        "INSERT INTO t VALUES (1) | 0A000 | 1 | INSERT is not supported by the relay's console",
        "SELECT 1; DROP TABLE t | 0A000 | 11 | DROP is not supported by the relay's console",
        "SELECT id FROM t GROUP BY id | 0A000 | 18 | GROUP is not supported by the relay's console",
        "SELECT 1 UNION SELECT 2 | 0A000 | 10 | UNION is not supported by the relay's console",
        "SELECT * FROM t JOIN u ON true | 0A000 | 17 | JOIN is not supported by the relay's console",
        "SELECT pg_sleep.x(1) | 3F000 | 8 | schema \"pg_sleep\" does not exist",
        "SELECT 1::nosuch | 42704 | 11 | type \"nosuch\" does not exist"
    })
    void anErrorSaysWhereItIs(String sql, String state, int position, String message) {
        Diagnostic error = error(sql);
        assertEquals(List.of(state, message), List.of(error.sqlState(), error.message()));
        assertEquals(position, error.position().orElse(0));
    }

    @Test
    void whatIsNotKnownPointsToTheHelp() {
        assertTrue(error("VACUUM").hint().orElse("").contains("SHOW HELP"));
        assertTrue(error("FOO").hint().orElse("").contains("SHOW HELP"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", ";", ";;", "-- nothing", "/* nothing */ ;"})
    void anEmptyQueryHasNoStatements(String sql) {
        assertEquals(List.of(), Parser.parse(sql));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "SET extra_float_digits = 3 | extra_float_digits | 3",
        "SET application_name = 'PostgreSQL JDBC Driver' | application_name | PostgreSQL JDBC Driver",
        "set session search_path to a, 'b' | search_path | a, b",
        "SET LOCAL statement_timeout TO -1 | statement_timeout | -1",
        "SET TIME ZONE 'UTC' | timezone | UTC",
        "SET my.thing = on | my.thing | on"
    })
    void readsWhatDriversSet(String sql, String name, String value) {
        Statement.Set set = (Statement.Set) Parser.parse(sql).getFirst();
        assertEquals(List.of(name, value), List.of(set.name(), set.value().orElse("")));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "BEGIN", "begin work", "BEGIN READ ONLY", "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "START TRANSACTION", "COMMIT", "END", "ROLLBACK",
        "ABORT", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SHOW TRANSACTION ISOLATION LEVEL",
        "RESET ALL", "RESET search_path", "DISCARD ALL", "DEALLOCATE ALL", "DEALLOCATE PREPARE s", "SHOW STANDBYS", "SHOW server_version;"
    })
    void readsTheCommandsOfDrivers(String sql) {
        assertEquals(1, Parser.parse(sql).size());
    }

    @Test
    void stackedStatementsAreSeveral() {
        List<Statement> statements = Parser.parse("SELECT 1; ; SHOW HELP; COMMIT;");
        assertEquals(3, statements.size());
        assertEquals(new Statement.Show(18, "help"), statements.get(1));
        assertEquals(new Statement.Deallocate(12, Optional.of("x")), Parser.parse("DEALLOCATE x").getFirst());
    }

    @Test
    void aQueryMayBeOnlySoLong() {
        String limit = "SELECT '" + "x".repeat(Parser.MAX_LENGTH - 9) + "'";
        assertEquals(1, Parser.parse(limit).size());
        assertEquals("54000", error(limit + " ").sqlState());
        assertEquals("22003", error("SELECT " + "9".repeat(60_000)).sqlState());
    }

    /** A failure names the seed; {@code -Dwalrelay.seed=N} replays it. */
    @Test
    void randomTokensAreReadOrRefusedAndNothingElse() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        TestCatalog catalog = new TestCatalog();
        int read = 0;
        for (int round = 0; round < 60_000; round++) {
            StringBuilder sql = new StringBuilder(random.nextInt(4) > 0 ? "SELECT " : "");
            for (int i = random.nextInt(14); i > 0; i--) {
                sql.append(PIECES.get(random.nextInt(PIECES.size()))).append(random.nextInt(5) > 0 ? " " : "");
            }
            try {
                for (Statement statement : Parser.parse(sql.toString())) {
                    if (statement instanceof Statement.Select select) {
                        var _ = new Query(select, catalog, Parameters.declared(List.of()));
                    }
                    read++;
                }
            } catch (SqlError e) {
                assertTrue(e.diagnostic().sqlState().matches("[0-9A-Z]{5}"), e::getMessage);
            } catch (RuntimeException | StackOverflowError e) {
                throw new AssertionError("-Dwalrelay.seed=%d round %d: %s".formatted(seed, round, sql), e);
            }
        }
        assertTrue(read > 100, "some of it has to be read: " + read);
    }
}
