package io.walrelay.proxy.conninfo;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;

/** Writes connection strings. */
final class PrimaryConninfo {

    /** What a walreceiver sets by itself. So it does the database, but slot synchronisation (17) connects to the one that is given. */
    private static final Set<ConninfoKeyword> LEFT_OUT = EnumSet.of(ConninfoKeyword.REPLICATION, ConninfoKeyword.FALLBACK_APPLICATION_NAME);

    private PrimaryConninfo() {}

    static String of(Map<String, String> given, Map<String, String> environment) {
        StringJoiner conninfo = new StringJoiner(" ");
        for (ConninfoKeyword keyword : ConninfoKeyword.values()) {
            String value = given.containsKey(keyword.keyword()) ? given.get(keyword.keyword()) : environment.get(keyword.environment());
            if (value != null && !value.isEmpty() && !LEFT_OUT.contains(keyword)) {
                conninfo.add(keyword.keyword() + "=" + quoted(value));
            }
        }
        return conninfo.toString();
    }

    /** As libpq takes a value (fe_utils/string_utils.c, appendConnStrVal). */
    private static String quoted(String value) {
        return value.matches("[A-Za-z0-9_.]+") ? value : "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'";
    }
}
