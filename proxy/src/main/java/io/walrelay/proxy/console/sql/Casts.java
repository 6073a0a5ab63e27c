package io.walrelay.proxy.console.sql;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Values of one type as those of another (pg_cast.dat, as far as the types go). */
final class Casts {

    private Casts() {}

    /** Whether a cast that is written out can do it; that it fails for a value is another matter. */
    static boolean exists(SqlType from, SqlType to) {
        return from.becomes(to)
                || to == SqlType.TEXT
                || to == SqlType.NAME && from.isText()
                || from == SqlType.TEXT && to != SqlType.RECORD && to != SqlType.VOID
                || from.isNumber() && to.isNumber()
                || from == SqlType.INT4 && to == SqlType.BOOL
                || from == SqlType.BOOL && to == SqlType.INT4
                || from == SqlType.OID && (to == SqlType.INT8 || to == SqlType.INT4);
    }

    /** Charged by whoever asks, but for the text of a row, which is charged while it is written. */
    static Object convert(SqlType from, SqlType to, Object value, Budget budget) {
        if (from == to || (from.isText() && to == SqlType.TEXT)) {
            return value;
        }
        if (from.isText()) {
            return TextFormat.parse(to, (String) value);
        }
        if (to == SqlType.TEXT) {
            return switch (value) {
                case Boolean truth -> truth.toString();
                case RowValue row -> row.text(budget);
                default -> TextFormat.write(from, value);
            };
        }
        try {
            return switch (to) {
                case BOOL -> (Integer) value != 0;
                case INT4 -> value instanceof Boolean truth ? (truth ? 1 : 0) : Math.toIntExact(integer(value, to));
                case INT8 -> integer(value, to);
                case OID -> unsigned(integer(value, to));
                case FLOAT8 -> ((Number) value).doubleValue();
                case NUMERIC -> numeric(value);
                case NAME, TEXT, UNKNOWN, XID, JSON, INET, TIMESTAMPTZ, INTERVAL, RECORD, VOID, PG_LSN ->
                    throw new IllegalArgumentException("no cast from %s to %s".formatted(from, to));
            };
        } catch (ArithmeticException _) {
            throw SqlError.outOfRange(to);
        }
    }

    /** Rounded half away from zero, as numeric is, and to even, as a float is. */
    private static long integer(Object value, SqlType to) {
        return switch (value) {
            case BigDecimal exact -> exact.setScale(0, RoundingMode.HALF_UP).longValueExact();
            case Double d -> {
                double rounded = Math.rint(d);
                // The upper limit is no long, and no double lies between it and the last that is.
                if (!(rounded >= Long.MIN_VALUE && rounded < 0x1p63)) {
                    throw SqlError.outOfRange(to);
                }
                yield (long) rounded;
            }
            case Number number -> number.longValue();
            default -> throw new IllegalArgumentException("not a number: " + value);
        };
    }

    private static long unsigned(long value) {
        if (value < 0 || value > 0xFFFF_FFFFL) {
            throw SqlError.outOfRange(SqlType.OID);
        }
        return value;
    }

    static BigDecimal numeric(Object value) {
        return switch (value) {
            case BigDecimal exact -> exact;
            case Double d when d.isNaN() || d.isInfinite() -> throw new SqlError("22003", "a numeric here is a number: there is none for %s".formatted(d));
            // 15 digits, as float8_numeric.
            case Double d -> {
                BigDecimal rounded = new BigDecimal(d, new MathContext(15)).stripTrailingZeros();
                yield TextFormat.limited(rounded.scale() < 0 ? rounded.setScale(0) : rounded);
            }
            case Number number -> BigDecimal.valueOf(number.longValue());
            default -> throw new IllegalArgumentException("not a number: " + value);
        };
    }
}
