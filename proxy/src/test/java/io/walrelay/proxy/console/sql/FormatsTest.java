package io.walrelay.proxy.console.sql;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The bytes are those of PostgreSQL 17's send functions. */
final class FormatsTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "BOOL | t | 01",
        "INT4 | -2 | FFFFFFFE",
        "INT8 | 4294967296 | 0000000100000000",
        "OID | 4294967295 | FFFFFFFF",
        "FLOAT8 | 1.5 | 3FF8000000000000",
        "NUMERIC | 0 | 0000000000000000",
        "NUMERIC | 12345.678 | 0003000100000003000109291A7C",
        "NUMERIC | -0.0001 | 0001FFFF400000040001",
        "NUMERIC | 100000000 | 00010002000000000001",
        "TEXT | é | C3A9",
        "INET | 10.0.0.1 | 022000040A000001",
        "INET | ::1 | 0380001000000000000000000000000000000001",
        "TIMESTAMPTZ | 2000-01-01 00:00:01+00 | 00000000000F4240",
        "TIMESTAMPTZ | 1999-12-31 23:59:59.5+00 | FFFFFFFFFFF85EE0",
        "INTERVAL | 1 day 00:00:01 | 00000000000F42400000000100000000",
        "PG_LSN | 16/B374D848 | 00000016B374D848"
    })
    void aValueIsTheSameInBothFormats(SqlType type, String text, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        Object value = TextFormat.parse(type, text);
        assertArrayEquals(bytes, BinaryFormat.write(type, value));
        assertEquals(value, BinaryFormat.parse(type, bytes));
        assertEquals(text, TextFormat.write(type, value));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "INT4 | 00 | 22P03", "INT4 | 0000000000 | 22P03", "TEXT | FF | 22021", "TEXT | 6100 | 22021", "NUMERIC | 0001000000000000 | 22P03",
        "NUMERIC | FFFF000000000000 | 22P03", "NUMERIC | 0001000000000000FFFF | 22P03", "INET | 0220000401 | 22P03", "INET | 09200004 0A000001 | 22P03", "BOOL | '' | 22P03"
    })
    void bytesThatAreNoValueAreRefused(SqlType type, String hex, String state) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        assertEquals(state, assertThrows(SqlError.class, () -> BinaryFormat.parse(type, bytes)).diagnostic().sqlState());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "INT4 | 1a | 22P02", "INT4 | 2147483648 | 22003", "BOOL | o | 22P02", "OID | -1 | 22003", "INET | 10.0.0 | 22P02", "PG_LSN | 0 | 22P02",
        "TIMESTAMPTZ | yesterday | 22007", "INTERVAL | 3 dogs | 22007", "NUMERIC | 1e999999999 | 22003", "FLOAT8 | 1e400 | 22003", "NUMERIC | NaN | 22P02"
    })
    void textThatIsNoValueIsRefused(SqlType type, String text, String state) {
        assertEquals(state, assertThrows(SqlError.class, () -> TextFormat.parse(type, text)).diagnostic().sqlState());
    }

    /** A failure names the seed; {@code -Dwalrelay.seed=N} replays it. */
    @Test
    void randomBytesAreAValueOrRefused() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        List<SqlType> types = List.of(SqlType.values());
        for (int round = 0; round < 20_000; round++) {
            SqlType type = types.get(random.nextInt(types.size()));
            byte[] bytes = new byte[random.nextInt(24)];
            random.nextBytes(bytes);
            try {
                assertNotNull(TextFormat.write(type, BinaryFormat.parse(type, bytes)));
            } catch (SqlError refused) {
                assertEquals(5, refused.diagnostic().sqlState().length());
            } catch (RuntimeException e) {
                throw new AssertionError("-Dwalrelay.seed=%d round %d: %s %s".formatted(seed, round, type, HexFormat.of().formatHex(bytes)), e);
            }
        }
    }
}
