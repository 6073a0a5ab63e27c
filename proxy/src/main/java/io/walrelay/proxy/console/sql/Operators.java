package io.walrelay.proxy.console.sql;

import io.walrelay.wal.Lsn;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.InetAddress;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Optional;

/** What operators there are for which types, and what they do with values that are not NULL (pg_operator.dat, as far as the types go). */
final class Operators {

    /** Longest text that an operator or function makes. */
    static final int MAX_TEXT = 1 << 20;

    /** Works on two values of the operand types. */
    interface Work {
        Object of(Object left, Object right);
    }

    /** An operator as it was found: what its operands are turned into first. */
    record Found(SqlType left, SqlType right, SqlType result, Work work) {}

    private Operators() {}

    static boolean isComparison(String operator) {
        return switch (operator) {
            case "=", "<>", "!=", "<", "<=", ">", ">=" -> true;
            default -> false;
        };
    }

    /** Empty when there is no such operator for the types; a side of unknown type is taken for what the other is. */
    static Optional<Found> find(String operator, SqlType left, SqlType right) {
        if (operator.equals("||")) {
            return concatenation(left, right);
        }
        SqlType l = left == SqlType.UNKNOWN ? opposite(operator, right) : left;
        SqlType r = right == SqlType.UNKNOWN ? opposite(operator, left) : right;
        if (isComparison(operator)) {
            return comparable(l, r).map(type -> new Found(type, type, SqlType.BOOL, (a, b) -> holds(operator, compare(type, a, b))));
        }
        if (l.isNumber() && r.isNumber()) {
            SqlType type = SqlType.wider(l, r);
            return arithmetic(operator, type).map(work -> new Found(type, type, type, work));
        }
        return special(operator, l, r);
    }

    /** What a side of unknown type is: what the other is, but for a time, to which only an interval can be added. */
    private static SqlType opposite(String operator, SqlType known) {
        return known == SqlType.TIMESTAMPTZ && operator.equals("+") ? SqlType.INTERVAL : known;
    }

    private static Optional<Found> concatenation(SqlType left, SqlType right) {
        if (!left.isText() && !right.isText()) {
            return Optional.empty();
        }
        return Optional.of(new Found(SqlType.TEXT, SqlType.TEXT, SqlType.TEXT, (a, b) -> {
            if (((String) a).length() + ((String) b).length() > MAX_TEXT) {
                throw SqlError.tooMuch("a text of more than %d characters".formatted(MAX_TEXT));
            }
            return (String) a + b;
        }));
    }

    /** The type in which two sides can be compared. */
    static Optional<SqlType> comparable(SqlType left, SqlType right) {
        if (left == SqlType.RECORD || left == SqlType.VOID || left == SqlType.JSON) {
            return Optional.empty();
        }
        if (left.isText() && right.isText()) {
            return Optional.of(SqlType.TEXT);
        }
        if (left.becomes(right)) {
            return Optional.of(right);
        }
        return right.becomes(left) ? Optional.of(left) : Optional.empty();
    }

    /** Text by code points, as the collation C orders it. */
    static int compare(SqlType type, Object left, Object right) {
        return switch (type) {
            case BOOL -> Boolean.compare((Boolean) left, (Boolean) right);
            case INT4 -> Integer.compare((Integer) left, (Integer) right);
            case INT8, OID, XID -> Long.compare((Long) left, (Long) right);
            case FLOAT8 -> Double.compare((Double) left + 0.0, (Double) right + 0.0);
            case NUMERIC -> ((BigDecimal) left).compareTo((BigDecimal) right);
            case TEXT, NAME, UNKNOWN, JSON, VOID -> ((String) left).compareTo((String) right);
            case INET -> Arrays.compareUnsigned(((InetAddress) left).getAddress(), ((InetAddress) right).getAddress());
            case TIMESTAMPTZ -> ((Instant) left).compareTo((Instant) right);
            case INTERVAL -> ((Interval) left).compareTo((Interval) right);
            case PG_LSN -> ((Lsn) left).compareTo((Lsn) right);
            case RECORD -> throw new IllegalArgumentException("rows have no order here");
        };
    }

    private static boolean holds(String operator, int order) {
        return switch (operator) {
            case "=" -> order == 0;
            case "<>", "!=" -> order != 0;
            case "<" -> order < 0;
            case "<=" -> order <= 0;
            case ">" -> order > 0;
            case ">=" -> order >= 0;
            default -> throw new IllegalArgumentException("no comparison: " + operator);
        };
    }

    private static Optional<Work> arithmetic(String operator, SqlType type) {
        if (!operator.matches("[-+*/%]") || (type == SqlType.FLOAT8 && operator.equals("%"))) {
            return Optional.empty();
        }
        return Optional.of((a, b) -> {
            try {
                return switch (type) {
                    case INT4 -> Math.toIntExact(integers(operator, (Integer) a, (Integer) b));
                    case INT8 -> integers(operator, (Long) a, (Long) b);
                    case NUMERIC -> TextFormat.limited(numerics(operator, (BigDecimal) a, (BigDecimal) b));
                    default -> floats(operator, (Double) a, (Double) b);
                };
            } catch (ArithmeticException _) {
                throw SqlError.outOfRange(type);
            }
        });
    }

    private static SqlError divisionByZero() {
        return new SqlError("22012", "division by zero");
    }

    private static long integers(String operator, long a, long b) {
        return switch (operator) {
            case "+" -> Math.addExact(a, b);
            case "-" -> Math.subtractExact(a, b);
            case "*" -> Math.multiplyExact(a, b);
            default -> {
                if (b == 0) {
                    throw divisionByZero();
                }
                yield operator.equals("/") ? Math.divideExact(a, b) : a % b;
            }
        };
    }

    private static BigDecimal numerics(String operator, BigDecimal a, BigDecimal b) {
        return switch (operator) {
            case "+" -> a.add(b);
            case "-" -> a.subtract(b);
            case "*" -> a.multiply(b);
            default -> {
                if (b.signum() == 0) {
                    throw divisionByZero();
                }
                yield operator.equals("/") ? a.divide(b, quotientScale(a, b), RoundingMode.HALF_UP) : a.remainder(b);
            }
        };
    }

    /** numeric.c, select_div_scale: 16 digits that matter, and what is written of either side. */
    private static int quotientScale(BigDecimal a, BigDecimal b) {
        int weightA = weight(a);
        int weightB = weight(b);
        int quotientWeight = weightA - weightB;
        if (first(a, weightA) <= first(b, weightB)) {
            quotientWeight--;
        }
        return Math.clamp(Math.max(16 - quotientWeight * 4, Math.max(a.scale(), b.scale())), 0, 1000);
    }

    /** Of the first digit to the base of 10000; 0 for zero. */
    private static int weight(BigDecimal value) {
        return value.signum() == 0 ? 0 : Math.floorDiv(value.precision() - value.scale() - 1, 4);
    }

    /** The first digit to the base of 10000. */
    private static int first(BigDecimal value, int weight) {
        return value.abs().scaleByPowerOfTen(-4 * weight).intValue();
    }

    private static double floats(String operator, double a, double b) {
        if (operator.equals("/") && b == 0) {
            throw divisionByZero();
        }
        double result = switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            default -> a / b;
        };
        if (Double.isInfinite(result) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
            throw new SqlError("22003", "value out of range: overflow");
        }
        return result;
    }

    private static Optional<Found> special(String operator, SqlType left, SqlType right) {
        Work work = switch (operator + left.name() + "," + right.name()) {
            case "-PG_LSN,PG_LSN" -> (a, b) -> difference((Lsn) a, (Lsn) b);
            case "-TIMESTAMPTZ,TIMESTAMPTZ" -> (a, b) -> Interval.between((Instant) b, (Instant) a);
            case "+TIMESTAMPTZ,INTERVAL" -> (a, b) -> shifted((Instant) a, (Interval) b);
            case "-TIMESTAMPTZ,INTERVAL" -> (a, b) -> shifted((Instant) a, ((Interval) b).negated());
            case "+INTERVAL,INTERVAL" -> (a, b) -> ((Interval) a).plus((Interval) b);
            case "-INTERVAL,INTERVAL" -> (a, b) -> ((Interval) a).plus(((Interval) b).negated());
            default -> null;
        };
        if (work == null) {
            return Optional.empty();
        }
        SqlType result = left == SqlType.PG_LSN ? SqlType.NUMERIC : left == SqlType.TIMESTAMPTZ && right == SqlType.INTERVAL ? SqlType.TIMESTAMPTZ : SqlType.INTERVAL;
        return Optional.of(new Found(left, right, result, work));
    }

    /** Positions are unsigned. */
    static BigDecimal difference(Lsn a, Lsn b) {
        return new BigDecimal(Long.toUnsignedString(a.value())).subtract(new BigDecimal(Long.toUnsignedString(b.value())));
    }

    private static Instant shifted(Instant at, Interval by) {
        try {
            var moved = at.atOffset(ZoneOffset.UTC).plusMonths(by.months()).plusDays(by.days());
            return moved.toInstant().plus(by.micros(), ChronoUnit.MICROS);
        } catch (DateTimeException | ArithmeticException _) {
            throw new SqlError("22008", "timestamp out of range");
        }
    }
}
