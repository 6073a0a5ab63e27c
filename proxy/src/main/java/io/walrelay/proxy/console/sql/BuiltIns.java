package io.walrelay.proxy.console.sql;

import static io.walrelay.proxy.console.sql.SqlType.BOOL;
import static io.walrelay.proxy.console.sql.SqlType.FLOAT8;
import static io.walrelay.proxy.console.sql.SqlType.INT4;
import static io.walrelay.proxy.console.sql.SqlType.INT8;
import static io.walrelay.proxy.console.sql.SqlType.INTERVAL;
import static io.walrelay.proxy.console.sql.SqlType.NUMERIC;
import static io.walrelay.proxy.console.sql.SqlType.PG_LSN;
import static io.walrelay.proxy.console.sql.SqlType.TEXT;
import static io.walrelay.proxy.console.sql.SqlType.TIMESTAMPTZ;

import io.walrelay.wal.Lsn;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** The functions whose result depends on their arguments alone. */
final class BuiltIns {

    private static final List<String> UNITS = List.of("bytes", "kB", "MB", "GB", "TB", "PB");

    private static final List<SqlFunction> ALL = List.of(
            SqlFunction.scalar("pg_wal_lsn_diff", List.of(PG_LSN, PG_LSN), NUMERIC, a -> Operators.difference((Lsn) a.get(0), (Lsn) a.get(1))),
            SqlFunction.scalar("pg_size_pretty", List.of(INT8), TEXT, a -> pretty(BigDecimal.valueOf((Long) a.getFirst()))),
            SqlFunction.scalar("pg_size_pretty", List.of(NUMERIC), TEXT, a -> pretty((BigDecimal) a.getFirst())),
            SqlFunction.scalar("abs", List.of(INT4), INT4, a -> Math.absExact((Integer) a.getFirst())),
            SqlFunction.scalar("abs", List.of(INT8), INT8, a -> Math.absExact((Long) a.getFirst())),
            SqlFunction.scalar("abs", List.of(NUMERIC), NUMERIC, a -> ((BigDecimal) a.getFirst()).abs()),
            SqlFunction.scalar("abs", List.of(FLOAT8), FLOAT8, a -> Math.abs((Double) a.getFirst())),
            SqlFunction.scalar("round", List.of(FLOAT8), FLOAT8, a -> Math.rint((Double) a.getFirst())),
            SqlFunction.scalar("round", List.of(NUMERIC), NUMERIC, a -> rounded((BigDecimal) a.getFirst(), 0, RoundingMode.HALF_UP)),
            SqlFunction.scalar("round", List.of(NUMERIC, INT4), NUMERIC, a -> rounded((BigDecimal) a.get(0), (Integer) a.get(1), RoundingMode.HALF_UP)),
            SqlFunction.scalar("floor", List.of(FLOAT8), FLOAT8, a -> Math.floor((Double) a.getFirst())),
            SqlFunction.scalar("floor", List.of(NUMERIC), NUMERIC, a -> rounded((BigDecimal) a.getFirst(), 0, RoundingMode.FLOOR)),
            SqlFunction.scalar("lower", List.of(TEXT), TEXT, a -> ((String) a.getFirst()).toLowerCase(Locale.ROOT)),
            SqlFunction.scalar("upper", List.of(TEXT), TEXT, a -> ((String) a.getFirst()).toUpperCase(Locale.ROOT)),
            SqlFunction.scalar("length", List.of(TEXT), INT4, a -> ((String) a.getFirst()).codePointCount(0, ((String) a.getFirst()).length())),
            SqlFunction.scalar("host", List.of(SqlType.INET), TEXT, a -> TextFormat.write(SqlType.INET, a.getFirst())),
            SqlFunction.scalar("to_timestamp", List.of(FLOAT8), TIMESTAMPTZ, a -> timestamp((Double) a.getFirst())),
            SqlFunction.scalar("date_part", List.of(TEXT, TIMESTAMPTZ), FLOAT8, a -> epoch((String) a.get(0), a.get(1)).doubleValue()),
            SqlFunction.scalar("date_part", List.of(TEXT, INTERVAL), FLOAT8, a -> epoch((String) a.get(0), a.get(1)).doubleValue()),
            SqlFunction.scalar("starts_with", List.of(TEXT, TEXT), BOOL, a -> ((String) a.get(0)).startsWith((String) a.get(1))));

    private BuiltIns() {}

    /** A name of a type is the function that casts to it, too: {@code pg_lsn('0/0')}. */
    static Stream<SqlFunction> called(String name) {
        Stream<SqlFunction> cast = SqlType.named(name)
                .filter(type -> type != TEXT)
                .map(type -> SqlFunction.scalar(name, List.of(TEXT), type, a -> TextFormat.parse(type, (String) a.getFirst())))
                .stream();
        return Stream.concat(ALL.stream().filter(function -> function.name().equals(name)), cast);
    }

    /** EXTRACT(field FROM value), which is date_part with a more exact type from PostgreSQL 14 on. */
    static Stream<SqlFunction> extract(int serverMajor) {
        return serverMajor < 14
                ? called("date_part")
                : Stream.of(TIMESTAMPTZ, INTERVAL)
                        .map(type -> SqlFunction.scalar("extract", List.of(TEXT, type), NUMERIC, a -> epoch((String) a.get(0), a.get(1))));
    }

    private static BigDecimal epoch(String field, Object value) {
        if (!field.equalsIgnoreCase("epoch")) {
            throw SqlError.unsupported("a field but epoch, \"%s\",".formatted(SqlError.excerpt(field)));
        }
        BigDecimal micros = value instanceof Instant at
                ? BigDecimal.valueOf(at.getEpochSecond()).movePointRight(6).add(BigDecimal.valueOf(at.getNano() / 1000))
                : ((Interval) value).epochMicros();
        return micros.movePointLeft(6).setScale(6, RoundingMode.HALF_UP);
    }

    private static Instant timestamp(double seconds) {
        if (!(Math.abs(seconds) < 1e11)) {
            throw new SqlError("22008", "timestamp out of range: \"%s\"".formatted(seconds));
        }
        return Instant.EPOCH.plusSeconds((long) Math.floor(seconds)).plusNanos(Math.round((seconds - Math.floor(seconds)) * 1e6) * 1000);
    }

    private static BigDecimal rounded(BigDecimal value, int digits, RoundingMode mode) {
        int scale = Math.clamp(digits, -1000, 1000);
        BigDecimal rounded = value.setScale(scale, mode);
        return TextFormat.limited(scale < 0 ? rounded.setScale(0) : rounded);
    }

    /** As dbsize.c: whole numbers up to 10239 of a unit, halves rounded up. */
    private static String pretty(BigDecimal bytes) {
        BigDecimal value = bytes;
        int unit = 0;
        while (unit < UNITS.size() - 1 && value.abs().setScale(0, RoundingMode.HALF_UP).compareTo(BigDecimal.valueOf(10_240)) >= 0) {
            value = value.divide(BigDecimal.valueOf(1024));
            unit++;
        }
        String number = unit == 0 ? value.toPlainString() : value.setScale(0, RoundingMode.HALF_UP).toPlainString();
        return "%s %s".formatted(number, UNITS.get(unit));
    }
}
