package io.walrelay.proxy.console;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.console.sql.Relation;
import io.walrelay.proxy.console.sql.SqlError;
import io.walrelay.proxy.console.sql.SqlType;
import io.walrelay.proxy.state.UpstreamFacts;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The parameters of one session: those that drivers set, which but for statement_timeout change nothing here and are remembered, and upstream's, which can be
 * read. What would change the answers, an encoding or a style, can be set to what it is only. Confined to the session.
 */
public final class ConsoleSettings {

    /** A parameter as SHOW gives it, in its own spelling. */
    record Shown(String name, String value) {}

    /**
     * @param keeps whether SHOW says what was set; others may be set to what means the same as the initial value
     * @param allowed which values may be set, in lower case
     */
    private record Own(String name, String initial, boolean keeps, Pattern allowed) {
        Own(String name, String initial, boolean keeps, String allowed) {
            this(name, initial, keeps, Pattern.compile(allowed, Pattern.DOTALL));
        }
    }

    private static final String APPLICATION_NAME = "application_name";
    private static final String ANY = ".*";
    private static final String TIME = "[0-9]{1,10} ?(us|ms|s|min|h|d)?";

    /** Answers are in these whatever is asked for. */
    private static final List<Own> OWN = List.of(
            new Own("client_encoding", "UTF8", false, "utf-?8|unicode"),
            new Own("DateStyle", "ISO, MDY", false, "iso(, *(mdy|dmy|ymd))?"),
            new Own("IntervalStyle", "postgres", false, "postgres"),
            new Own("TimeZone", "UTC", false, "(etc/)?(utc|gmt|uct|zulu)|0|\\+00(:00)?"),
            new Own("standard_conforming_strings", "on", false, "on|true|1"),
            new Own("bytea_output", "hex", true, ANY),
            new Own(APPLICATION_NAME, "", true, ANY),
            new Own("extra_float_digits", "1", true, "-?[0-9]{1,2}"),
            new Own("search_path", "pg_catalog", true, ANY),
            new Own("statement_timeout", "0", true, TIME),
            new Own("lock_timeout", "0", true, TIME),
            new Own("idle_in_transaction_session_timeout", "0", true, TIME),
            new Own("client_min_messages", "notice", true, ANY),
            new Own("row_security", "on", true, ANY),
            new Own("default_transaction_isolation", "read committed", true, ANY),
            new Own("default_transaction_read_only", "on", true, ANY),
            new Own("transaction_isolation", "read committed", true, ANY),
            new Own("transaction_read_only", "on", true, ANY));

    /** What the relay itself is, whatever upstream is. */
    private static final Map<String, String> RELAYS =
            Map.of("integer_datetimes", "on", "is_superuser", "off", "in_hot_standby", "on", "server_encoding", "UTF8");

    private static final int MAX_LENGTH = 1024;

    private final Map<String, String> values = new HashMap<>();
    private final String applicationName;

    /** @param applicationName as the client gave it at its start */
    public ConsoleSettings(String applicationName) {
        this.applicationName = applicationName;
        resetAll();
    }

    /** What ParameterStatus says at the start, over what the other sessions are told: in the console's answers these hold. */
    public static Map<String, String> reported(Map<String, String> others) {
        Map<String, String> reported = new LinkedHashMap<>(others);
        for (String name : List.of("client_encoding", "DateStyle", "IntervalStyle", "TimeZone", "standard_conforming_strings")) {
            reported.put(name, own(name).orElseThrow().initial());
        }
        return Collections.unmodifiableMap(reported);
    }

    private static Optional<Own> own(String name) {
        return OWN.stream().filter(parameter -> parameter.name().equalsIgnoreCase(name)).findFirst();
    }

    /** Sets a parameter, or with nothing makes it what it was at the start. */
    Shown set(String name, Optional<String> value) {
        Own own = own(name).orElseThrow(() -> isKnown(name) ? unchangeable(name) : unknown(name));
        String wanted = value.orElse(initial(own));
        boolean fits = wanted.length() <= MAX_LENGTH && wanted.indexOf('\0') < 0 && own.allowed().matcher(wanted.toLowerCase(Locale.ROOT)).matches();
        if (value.isPresent() && !fits) {
            throw new SqlError(Diagnostic.error("22023", "invalid value for parameter \"%s\": \"%s\"".formatted(own.name(), excerpt(wanted)))
                    .withHint("the relay's console knows \"%s\"".formatted(own.initial())));
        }
        String kept = !own.keeps() ? own.initial() : own.name().equals(APPLICATION_NAME) ? ClientText.applicationName(wanted) : wanted;
        values.put(own.name(), kept);
        return new Shown(own.name(), kept);
    }

    private String initial(Own own) {
        return own.name().equals(APPLICATION_NAME) ? applicationName : own.initial();
    }

    void resetAll() {
        OWN.forEach(own -> values.put(own.name(), initial(own)));
    }

    private boolean isKnown(String name) {
        return RELAYS.containsKey(name.toLowerCase(Locale.ROOT)) || List.of("server_version", "wal_segment_size").contains(name.toLowerCase(Locale.ROOT));
    }

    private static SqlError unchangeable(String name) {
        return new SqlError("55P02", "parameter \"%s\" cannot be changed".formatted(name));
    }

    private static SqlError unknown(String name) {
        return new SqlError(Diagnostic.error("42704", "unrecognized configuration parameter \"%s\"".formatted(excerpt(name)))
                .withHint("SHOW HELP says what the relay's console knows; ask the primary for its parameters"));
    }

    private static String excerpt(String text) {
        return text.length() <= 100 ? text : text.substring(0, 100) + "…";
    }

    /** Empty when there is none. */
    Optional<Duration> statementTimeout() {
        String value = values.getOrDefault("statement_timeout", "0").toLowerCase(Locale.ROOT);
        String digits = value.replaceFirst("[^0-9].*", "");
        ChronoUnit unit = switch (value.substring(digits.length()).strip()) {
            case "us" -> ChronoUnit.MICROS;
            case "s" -> ChronoUnit.SECONDS;
            case "min" -> ChronoUnit.MINUTES;
            case "h" -> ChronoUnit.HOURS;
            case "d" -> ChronoUnit.DAYS;
            default -> ChronoUnit.MILLIS;
        };
        return Optional.of(Duration.of(Long.parseLong(digits), unit)).filter(timeout -> !timeout.isZero());
    }

    Optional<Shown> find(String name, UpstreamFacts facts) {
        return Optional.ofNullable(all(facts).get(name));
    }

    String value(String name, UpstreamFacts facts) {
        return find(name, facts).orElseThrow(() -> unknown(name)).value();
    }

    /** For SHOW. */
    Shown shown(String name, UpstreamFacts facts) {
        return find(name, facts).orElseThrow(() -> unknown(name));
    }

    /** By name in any case; the session's own before the relay's before upstream's. */
    private Map<String, Shown> all(UpstreamFacts facts) {
        Map<String, Shown> all = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        List.of(facts.settings(), facts.parameters(), RELAYS, values).forEach(from -> from.forEach((name, value) -> all.put(name, new Shown(name, value))));
        all.put("server_version_num", new Shown("server_version_num", versionNumber(facts.parameters().getOrDefault("server_version", ""))));
        return all;
    }

    /** 15.4 is 150004. */
    private static String versionNumber(String version) {
        String[] parts = version.replaceFirst("[^0-9.].*$", "").split("\\.", -1);
        boolean known = parts.length > 0 && parts[0].matches("[0-9]{2}");
        int minor = parts.length > 1 && parts[1].matches("[0-9]{1,3}") ? Integer.parseInt(parts[1]) : 0;
        return known ? String.valueOf(Integer.parseInt(parts[0]) * 10_000 + minor) : "0";
    }

    /** pg_settings, as much of it as tools read. */
    Relation relation(UpstreamFacts facts) {
        return new Table<Shown>("pg_settings")
                .with("name", SqlType.TEXT, Shown::name)
                .with("setting", SqlType.TEXT, Shown::value)
                .with("unit", SqlType.TEXT, _ -> null)
                .with("short_desc", SqlType.TEXT, _ -> "")
                .with("vartype", SqlType.TEXT, shown -> shown.value().matches("on|off") ? "bool" : shown.value().matches("-?[0-9]+") ? "integer" : "string")
                .of(() -> List.copyOf(all(facts).values()));
    }
}
