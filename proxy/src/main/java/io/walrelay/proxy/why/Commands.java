package io.walrelay.proxy.why;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Commands and settings to paste. Names in them are what clients call themselves, who may not even have logged in: each is quoted as the place asks
 * where it stands, so that it stays a name.
 *
 * @param relay where they find the relay
 */
record Commands(Addresses relay) {

    static final String STATUS = "walrelay status";
    static final String WATCH = "walrelay status --watch";
    static final String SLOTS = "walrelay slot list";

    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_.:/@%+-]+");

    String login(String user) {
        return "psql %s -c IDENTIFY_SYSTEM".formatted(shell(conninfo(user) + " replication=true"));
    }

    /** By the relay's WAL, of which none is copied. */
    String rewind(String user, Optional<String> slot) {
        return "walrelay rewind -D DIRECTORY -R --source-server=%s --relay=%s --relay-conninfo=%s%s"
                .formatted(source(user), shell(relay.url()), shell(conninfo(user)), slot.map(name -> " --relay-slot=" + shell(name)).orElse(""));
    }

    String pgRewind(String user) {
        return "pg_rewind -D DIRECTORY -R --source-server=" + source(user);
    }

    private String source(String user) {
        return shell(conninfo(user) + " dbname=postgres");
    }

    private String conninfo(String user) {
        return relay.conninfo() + " user=" + libpq(user);
    }

    /** @param slot one that exists, and keeps the backup's WAL */
    String baseBackup(String user, Optional<String> slot) {
        return "pg_basebackup -d %s -D DIRECTORY -X stream%s -R".formatted(shell(conninfo(user)), slot.map(name -> " -S " + shell(name)).orElse(""));
    }

    /** With the slot made anew. */
    String baseBackupAnew(String user, String slot) {
        return "%s && %s -C".formatted(dropSlot(slot), baseBackup(user, Optional.of(slot)));
    }

    /** Lines for the standby's postgresql.conf. */
    String primaryConninfo(String applicationName, Optional<String> slot) {
        return "primary_conninfo = %s".formatted(setting(relay.conninfo() + " application_name=" + libpq(applicationName)))
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
        return role(user, "PASSWORD '…'");
    }

    /** @param what it gets */
    static String role(String user, String what) {
        return "on the primary: ALTER ROLE %s %s".formatted(quoted(user), what);
    }

    /** In quotes, without which {@code all}, {@code +group} and {@code @file} are more than a name. */
    static String hbaLine(String user, String address) {
        return "listen.hba needs: host replication %s %s%s scram-sha-256".formatted(quoted(user), address, address.contains(":") ? "/128" : "/32");
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

    /** An identifier in SQL, and a name in pg_hba.conf. */
    private static String quoted(String name) {
        return '"' + name.replace("\"", "\"\"") + '"';
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
