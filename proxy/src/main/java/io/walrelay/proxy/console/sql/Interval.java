package io.walrelay.proxy.console.sql;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A span of time in PostgreSQL's three parts (timestamp.h, Interval). Ordered as PostgreSQL does, a month being 30 days. */
record Interval(int months, int days, long micros) implements Comparable<Interval> {

    private static final long SECOND = 1_000_000;
    private static final long DAY = 86_400 * SECOND;
    private static final int DAYS_OF_MONTH = 30;
    private static final double DAYS_OF_YEAR = 365.25;

    private static final Pattern PART = Pattern.compile(
            "\\s*+(?:(?<sign>[+-])?(?<h>[0-9]{1,7}):(?<m>[0-5]?[0-9])(?::(?<s>[0-5]?[0-9](?:\\.[0-9]{1,6})?))?|(?<n>[+-]?[0-9]{1,9}(?:\\.[0-9]{1,6})?)\\s*+(?<unit>[a-z]++))\\s*+");

    static Interval of(Duration duration) {
        return new Interval(0, 0, Math.multiplyExact(duration.getSeconds(), SECOND) + duration.getNano() / 1000);
    }

    /** As timestamp_mi does it: whole days are days. */
    static Interval between(Instant from, Instant to) {
        long all = of(Duration.between(from, to)).micros;
        return new Interval(0, (int) (all / DAY), all % DAY);
    }

    /** @throws SqlError 22007 */
    static Interval parse(String text) {
        String lower = text.toLowerCase(Locale.ROOT);
        Matcher part = PART.matcher(lower);
        int at = 0;
        Interval sum = new Interval(0, 0, 0);
        while (at < lower.length() && part.region(at, lower.length()).lookingAt()) {
            sum = sum.plus(part.group("unit") == null ? clock(part) : amount(text, part.group("n"), part.group("unit")));
            at = part.end();
        }
        if (at == 0 || at < lower.length()) {
            throw invalid(text);
        }
        return sum;
    }

    private static SqlError invalid(String text) {
        return new SqlError("22007", "invalid input syntax for type interval: \"%s\"".formatted(SqlError.excerpt(text)));
    }

    private static Interval clock(Matcher part) {
        String seconds = part.group("s");
        double micros = (Long.parseLong(part.group("h")) * 3600 + Long.parseLong(part.group("m")) * 60) * (double) SECOND
                + (seconds == null ? 0 : Double.parseDouble(seconds) * SECOND);
        return new Interval(0, 0, Math.round("-".equals(part.group("sign")) ? -micros : micros));
    }

    private static Interval amount(String text, String number, String unit) {
        double n = Double.parseDouble(number);
        return switch (unit.length() > 3 && unit.endsWith("s") ? unit.substring(0, unit.length() - 1) : unit) {
            case "microsecond", "us" -> new Interval(0, 0, Math.round(n));
            case "millisecond", "ms" -> new Interval(0, 0, Math.round(n * 1000));
            case "second", "sec", "s" -> new Interval(0, 0, Math.round(n * SECOND));
            case "minute", "min", "m" -> new Interval(0, 0, Math.round(n * 60 * SECOND));
            case "hour", "h" -> new Interval(0, 0, Math.round(n * 3600 * SECOND));
            case "day", "d" -> new Interval(0, (int) n, Math.round((n - (int) n) * DAY));
            case "week", "w" -> new Interval(0, (int) (n * 7), 0);
            case "month", "mon" -> new Interval((int) n, 0, 0);
            case "year", "y" -> new Interval((int) (n * 12), 0, 0);
            default -> throw invalid(text);
        };
    }

    Interval plus(Interval other) {
        try {
            return new Interval(
                    Math.addExact(months, other.months), Math.addExact(days, other.days), Math.addExact(micros, other.micros));
        } catch (ArithmeticException _) {
            throw SqlError.outOfRange(SqlType.INTERVAL);
        }
    }

    Interval negated() {
        if (months == Integer.MIN_VALUE || days == Integer.MIN_VALUE || micros == Long.MIN_VALUE) {
            throw SqlError.outOfRange(SqlType.INTERVAL);
        }
        return new Interval(-months, -days, -micros);
    }

    /** Microseconds in all, years as long as they are on average (interval_part, epoch). */
    BigDecimal epochMicros() {
        long years = months / 12;
        double daysInAll = years * DAYS_OF_YEAR + (months % 12) * DAYS_OF_MONTH + days;
        return BigDecimal.valueOf(daysInAll).multiply(BigDecimal.valueOf(DAY)).add(BigDecimal.valueOf(micros));
    }

    @Override
    public int compareTo(Interval other) {
        return wholeMicros().compareTo(other.wholeMicros());
    }

    private BigInteger wholeMicros() {
        long daysInAll = (long) months * DAYS_OF_MONTH + days;
        return BigInteger.valueOf(daysInAll).multiply(BigInteger.valueOf(DAY)).add(BigInteger.valueOf(micros));
    }

    /** In style {@code postgres}: {@code 1 day 02:03:04.5}. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        append(text, months / 12, "year");
        append(text, months % 12, "mon");
        append(text, days, "day");
        if (micros != 0 || text.isEmpty()) {
            long all = Math.abs(micros);
            String sign = micros < 0 ? "-" : text.indexOf("-") >= 0 ? "+" : "";
            String clock = "%s%02d:%02d:%02d".formatted(sign, all / (3600 * SECOND), all / (60 * SECOND) % 60, all / SECOND % 60);
            text.append(text.isEmpty() ? "" : " ").append(clock).append(fraction(all % SECOND));
        }
        return text.toString();
    }

    private static void append(StringBuilder text, int amount, String unit) {
        if (amount != 0) {
            text.append(text.isEmpty() ? "" : " ").append(amount).append(' ').append(unit).append(amount == 1 ? "" : "s");
        }
    }

    /** Microseconds behind a point, without zeros at the end; nothing when there are none. */
    static String fraction(long micros) {
        return micros == 0 ? "" : ".%06d".formatted(micros).replaceAll("0+$", "");
    }
}
