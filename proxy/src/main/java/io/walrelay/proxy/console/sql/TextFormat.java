package io.walrelay.proxy.console.sql;

import io.netty.util.NetUtil;
import io.walrelay.wal.Lsn;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoField;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

/** Values as text, as PostgreSQL's input and output functions have them, times in UTC and in style ISO. */
public final class TextFormat {

    private static final long MAX_UNSIGNED = 0xFFFF_FFFFL;
    /** More than any position or size has, and few enough to calculate with. */
    private static final int MAX_DIGITS = 1000;
    /** More than any value has that is neither a number nor text. */
    private static final int MAX_LENGTH = 256;

    private static final DateTimeFormatter SECONDS = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss", Locale.ROOT);

    private static final DateTimeFormatter TIMESTAMP = new DateTimeFormatterBuilder()
            .append(DateTimeFormatter.ISO_LOCAL_DATE)
            .appendLiteral(' ')
            .append(DateTimeFormatter.ISO_LOCAL_TIME)
            .optionalStart()
            .appendOffset("+HH:mm:ss", "Z")
            .optionalEnd()
            .optionalStart()
            .appendOffset("+HHmm", "Z")
            .optionalEnd()
            .optionalStart()
            .appendOffset("+HH", "Z")
            .optionalEnd()
            .toFormatter(Locale.ROOT);

    private TextFormat() {}

    public static String write(SqlType type, Object value) {
        return switch (type) {
            case BOOL -> (Boolean) value ? "t" : "f";
            case FLOAT8 -> float8((Double) value);
            case NUMERIC -> ((BigDecimal) value).toPlainString();
            case INET -> NetUtil.toAddressString((InetAddress) value);
            case TIMESTAMPTZ -> timestamp((Instant) value);
            case RECORD -> ((RowValue) value).text(Budget.begin());
            case INT4, INT8, OID, XID, TEXT, NAME, JSON, UNKNOWN, INTERVAL, VOID, PG_LSN -> value.toString();
        };
    }

    private static String timestamp(Instant value) {
        String fraction = Interval.fraction(value.get(ChronoField.MICRO_OF_SECOND));
        return SECONDS.format(value.atOffset(ZoneOffset.UTC)) + fraction + "+00";
    }

    /** The shortest that reads back the same (float8out with extra_float_digits above 0). */
    private static String float8(double value) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return Double.toString(value);
        }
        if (value == 0) {
            return 1 / value < 0 ? "-0" : "0";
        }
        BigDecimal shortest = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent >= -4 && exponent < 15) {
            return shortest.toPlainString();
        }
        return "%se%s%02d".formatted(shortest.movePointLeft(exponent).toPlainString(), exponent < 0 ? "-" : "+", Math.abs(exponent));
    }

    /** @throws SqlError 22P02 and relatives */
    public static Object parse(SqlType type, String text) {
        try {
            requireShort(type, text);
            return switch (type) {
                case BOOL -> bool(text);
                case INT4 -> Math.toIntExact(integer(text));
                case INT8 -> integer(text);
                case OID, XID -> unsigned(type, text);
                case FLOAT8 -> parseFloat8(text.strip());
                case NUMERIC -> numeric(text.strip());
                case TEXT, UNKNOWN -> text;
                case NAME -> truncated(text);
                case INET -> inet(text);
                case TIMESTAMPTZ -> parseTimestamp(text);
                case INTERVAL -> Interval.parse(text);
                case PG_LSN -> Lsn.parse(text);
                case RECORD, VOID, JSON -> throw new SqlError("0A000", "cannot accept a value of type " + type);
            };
        } catch (ArithmeticException _) {
            throw new SqlError("22003", "value \"%s\" is out of range for type %s".formatted(SqlError.excerpt(text), type));
        } catch (IllegalArgumentException | DateTimeParseException _) {
            throw SqlError.invalidInput(type, text);
        }
    }

    /** Looked at before it is read: much of the reading below takes time that is more than proportional. */
    private static void requireShort(SqlType type, String text) {
        if (type.isNumber() && text.length() > MAX_DIGITS) {
            throw new ArithmeticException();
        }
        if (!type.isNumber() && !type.isText() && text.length() > MAX_LENGTH) {
            throw new IllegalArgumentException();
        }
    }

    private static boolean bool(String text) {
        String lower = text.strip().toLowerCase(Locale.ROOT);
        boolean known = !lower.isEmpty() && !lower.equals("o");
        if (known && ("true".startsWith(lower) || "yes".startsWith(lower) || "on".startsWith(lower) || lower.equals("1"))) {
            return true;
        }
        if (known && ("false".startsWith(lower) || "no".startsWith(lower) || "off".startsWith(lower) || lower.equals("0"))) {
            return false;
        }
        throw new IllegalArgumentException();
    }

    private static long integer(String text) {
        String stripped = text.strip();
        if (!stripped.matches("[+-]?[0-9]+")) {
            throw new IllegalArgumentException();
        }
        return numeric(stripped).longValueExact();
    }

    private static long unsigned(SqlType type, String text) {
        long value = integer(text);
        if (value < 0 || value > MAX_UNSIGNED) {
            throw new SqlError("22003", "value \"%s\" is out of range for type %s".formatted(SqlError.excerpt(text), type));
        }
        return value;
    }

    private static double parseFloat8(String text) {
        double value = switch (text.toLowerCase(Locale.ROOT)) {
            case "nan" -> Double.NaN;
            case "inf", "infinity", "+infinity" -> Double.POSITIVE_INFINITY;
            case "-inf", "-infinity" -> Double.NEGATIVE_INFINITY;
            default -> numeric(text).doubleValue();
        };
        if (Double.isInfinite(value) && !text.toLowerCase(Locale.ROOT).contains("inf")) {
            throw new SqlError("22003", "\"%s\" is out of range for type double precision".formatted(SqlError.excerpt(text)));
        }
        return value;
    }

    /** Looked at before it is read: to write out an exponent takes long. */
    private static BigDecimal numeric(String text) {
        if (!text.matches("[+-]?(?:[0-9]++\\.?+[0-9]*+|\\.[0-9]++)(?:[eE][+-]?[0-9]{1,9})?")) {
            throw new IllegalArgumentException();
        }
        BigDecimal value = limited(new BigDecimal(text));
        return value.scale() < 0 ? value.setScale(0) : value;
    }

    /** @throws SqlError 22003 when it has more digits than anything here needs */
    static BigDecimal limited(BigDecimal value) {
        if (value.precision() > MAX_DIGITS || Math.abs((long) value.scale()) > MAX_DIGITS) {
            throw new SqlError("22003", "value overflows numeric format");
        }
        return value;
    }

    /** NAMEDATALEN - 1 bytes; names here are ASCII. */
    private static String truncated(String text) {
        return text.length() > 63 ? text.substring(0, 63) : text;
    }

    private static InetAddress inet(String text) {
        byte[] address = NetUtil.createByteArrayFromIpAddressString(text);
        if (address == null) {
            throw new IllegalArgumentException();
        }
        return BinaryFormat.address(address);
    }

    private static Instant parseTimestamp(String text) {
        String written = text.strip();
        if (written.matches("[0-9]{4}-[0-9]{2}-[0-9]{2}")) {
            written += " 00:00:00";
        }
        try {
            var parsed = TIMESTAMP.parseBest(written.replace('T', ' '), OffsetDateTime::from, LocalDateTime::from);
            Instant instant = parsed instanceof OffsetDateTime offset ? offset.toInstant() : ((LocalDateTime) parsed).toInstant(ZoneOffset.UTC);
            return instant.truncatedTo(ChronoUnit.MICROS);
        } catch (DateTimeParseException _) {
            throw new SqlError("22007", "invalid input syntax for type timestamp with time zone: \"%s\"".formatted(SqlError.excerpt(text)));
        }
    }
}
