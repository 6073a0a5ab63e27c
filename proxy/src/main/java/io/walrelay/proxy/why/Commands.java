package io.walrelay.proxy.why;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Commands and settings to paste. Names in them are what clients call themselves, who may not even have logged in: each is quoted as the place asks
 * where it stands, so that it stays a name.
 *
 * @param conninfo the relay's PostgreSQL port, in libpq's form, without a user
 */
record Commands(String conninfo) {

    static final String STATUS = "walrelay status";
    static final String WATCH = "walrelay status --watch";
    static final String SLOTS = "walrelay slot list";

    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_.:@%+-]+");

    String login(String user) {
        return "psql %s -c IDENTIFY_SYSTEM".formatted(shell(conninfo + " user=" + libpq(user) + " replication=true"));
    }

    String rewind(String user) {
        return "pg_rewind -D DIRECTORY -R --source-server=%s".formatted(shell(conninfo + " user=" + libpq(user) + " dbname=postgres"));
    }

    String baseBackup(String user, String slot) {
        return "pg_basebackup -d %s -D DIRECTORY -X stream -C -S %s -R".formatted(shell(conninfo + " user=" + libpq(user)), shell(slot));
    }

    /** Lines for the standby's postgresql.conf. */
    String primaryConninfo(String applicationName, Optional<String> slot) {
        return "primary_conninfo = %s".formatted(setting(conninfo + " application_name=" + libpq(applicationName)))
                + slot.map(name -> " with primary_slot_name = " + setting(name)).orElse("");
    }

    static String createSlot(String name) {
        return "walrelay slot create " + shell(name);
    }

    static String dropSlot(String name) {
        return "walrelay slot drop " + shell(name);
    }

    /** @param verb pause, resume or release */
    static String standby(String verb, String name) {
        return "walrelay standby %s %s".formatted(verb, shell(name));
    }

    static String password(String user) {
        return "on the primary: ALTER ROLE \"%s\" PASSWORD '…'".formatted(user.replace("\"", "\"\""));
    }

    static String hbaLine(String user, String address) {
        String name = PLAIN.matcher(user).matches() ? user : '"' + user.replace("\"", "\"\"") + '"';
        return "listen.hba needs: host replication %s %s%s scram-sha-256".formatted(name, address, address.contains(":") ? "/128" : "/32");
    }

    static String onStandby(String sql) {
        return "on the standby: psql -c %s".formatted(shell(sql));
    }

    /** @param minimums what a standby must have at least, by setting */
    static String settings(Map<String, Integer> minimums) {
        return "on the standby: "
                + minimums.entrySet().stream().map(least -> "ALTER SYSTEM SET %s = %d;".formatted(least.getKey(), least.getValue())).collect(Collectors.joining(" "))
                + " then restart it";
    }

    /** One word of a shell's command line. */
    private static String shell(String word) {
        return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
    }

    /** A value in a connection string (libpq, 34.1.1). */
    private static String libpq(String value) {
        return PLAIN.matcher(value).matches() ? value : "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'";
    }

    /** A value in postgresql.conf. */
    private static String setting(String value) {
        return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'";
    }
}
