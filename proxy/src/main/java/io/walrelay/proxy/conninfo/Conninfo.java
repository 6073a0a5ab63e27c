package io.walrelay.proxy.conninfo;

import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A libpq connection string, understood (PostgreSQL: fe-connect.c, PQconninfoParse and pqConnectOptions2). Values are
 * those of libpq, with two differences: there is no default host, since the relay speaks TCP only and libpq's default is
 * a Unix-domain socket; and there is no default user, since the name of the account that a service runs under is nobody's
 * replication role by intention.
 *
 * <p>{@link #toString()} shows no password.
 *
 * @param hosts at least one, in the order of the string
 * @param password the one given in the string or by PGPASSWORD; it goes before the password file
 * @param passFile where passwords are looked up otherwise: passfile, PGPASSFILE or {@code ~/.pgpass}; empty without a home
 * @param database empty if not given; libpq would take the user's name
 * @param applicationName application_name, else fallback_application_name
 * @param connectTimeout for each host; empty: wait for ever. Never less than 2 s, as in libpq before 17
 * @param options command line options for the server
 * @param minProtocol an older one is not accepted
 * @param maxProtocol what to ask for; 3.0 if not given, as in libpq 18
 * @param userDirectory {@code ~/.postgresql}, where libpq looks for certificates that are not named; empty without a home
 * @param notes what was accepted and has no effect, each a sentence for the log
 */
public record Conninfo(
        List<HostAddress> hosts,
        String user,
        Optional<Secret> password,
        Optional<Path> passFile,
        Optional<String> database,
        Optional<String> applicationName,
        Optional<String> options,
        Optional<Duration> connectTimeout,
        KeepAlive keepAlive,
        TlsSettings tls,
        RequireAuth requireAuth,
        TargetSessionAttrs targetSessionAttrs,
        ProtocolVersion minProtocol,
        ProtocolVersion maxProtocol,
        Optional<Path> userDirectory,
        List<String> notes) {

    public Conninfo {
        hosts = List.copyOf(hosts);
        notes = List.copyOf(notes);
        if (hosts.isEmpty()) {
            throw new IllegalArgumentException("a connection string without a host");
        }
    }

    /**
     * Reads a connection string in either form.
     *
     * @param environment where defaults come from: the PG… variables and HOME
     * @throws InvalidConninfoException with all that is wrong
     */
    public static Conninfo parse(String text, Map<String, String> environment) {
        return new ConninfoReader(ConninfoSyntax.parse(text), environment, false).read();
    }

    /**
     * As {@link #parse}, for a command that somebody runs as they run psql: without a host it is the local server's socket, without a
     * user the account's name, and a host may be a directory of sockets. For SQL only.
     */
    public static Conninfo parseAsClient(String text, Map<String, String> environment) {
        return new ConninfoReader(ConninfoSyntax.parse(text), withDefaults(environment), true).read();
    }

    /**
     * What primary_conninfo has to say so that a standby comes to the same server (PostgreSQL: fe_utils/recovery_gen.c,
     * GenerateRecoveryConfig): all that was given, but for what a walreceiver decides alone.
     */
    public static String primaryConninfo(String text, Map<String, String> environment) {
        return PrimaryConninfo.of(ConninfoSyntax.parse(text), withDefaults(environment));
    }

    /**
     * As {@link #primaryConninfo}, but for a relay that passes sessions on to the server which {@code text} leads to: the user, the password and all
     * else that counts for both is that of {@code text}.
     *
     * @param address where the relay is: host and port
     */
    public static String primaryConninfo(String address, String text, Map<String, String> environment) {
        Map<String, String> given = new HashMap<>(ConninfoSyntax.parse(text));
        for (ConninfoKeyword ofThatServer : List.of(ConninfoKeyword.HOST, ConninfoKeyword.HOSTADDR, ConninfoKeyword.PORT, ConninfoKeyword.TARGET_SESSION_ATTRS)) {
            given.put(ofThatServer.keyword(), "");
        }
        given.putAll(ConninfoSyntax.parse(address));
        return PrimaryConninfo.of(given, withDefaults(environment));
    }

    private static Map<String, String> withDefaults(Map<String, String> environment) {
        Map<String, String> defaults = new HashMap<>(environment);
        defaults.putIfAbsent("PGHOST", SOCKETS);
        defaults.putIfAbsent("PGUSER", System.getProperty("user.name"));
        return defaults;
    }

    /** Debian's, and that of PostgreSQL's own packages (DEFAULT_PGSOCKET_DIR). */
    private static final String SOCKETS = "/var/run/postgresql";

    /** The password for {@code host}: the given one, else what {@code file} says; replication is its database when {@code replication}. */
    public Optional<Secret> passwordFor(HostAddress host, PassFile file, boolean replication) {
        return password.or(() -> file.find(host, replication ? PassFile.REPLICATION : database.orElse(user), user));
    }

    /** Keywords and values for a log, without secrets. */
    @Override
    public String toString() {
        return "hosts=%s user=%s%s%s sslmode=%s target_session_attrs=%s"
                .formatted(
                        hosts,
                        user,
                        database.map(" dbname="::concat).orElse(""),
                        applicationName.map(" application_name="::concat).orElse(""),
                        tls.mode(),
                        targetSessionAttrs);
    }
}
