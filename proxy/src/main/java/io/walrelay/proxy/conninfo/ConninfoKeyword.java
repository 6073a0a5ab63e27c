package io.walrelay.proxy.conninfo;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The keywords of libpq up to PostgreSQL 18 (fe-connect.c, PQconninfoOptions), the environment variable that each one
 * takes its default from, and what the relay does with it.
 */
enum ConninfoKeyword {
    HOST("PGHOST"),
    HOSTADDR("PGHOSTADDR"),
    PORT("PGPORT"),
    DBNAME("PGDATABASE"),
    USER("PGUSER"),
    PASSWORD("PGPASSWORD"),
    PASSFILE("PGPASSFILE"),
    APPLICATION_NAME("PGAPPNAME"),
    FALLBACK_APPLICATION_NAME(""),
    OPTIONS("PGOPTIONS"),
    CONNECT_TIMEOUT("PGCONNECT_TIMEOUT"),
    CLIENT_ENCODING("PGCLIENTENCODING"),
    SSLMODE("PGSSLMODE"),
    SSLNEGOTIATION("PGSSLNEGOTIATION"),
    SSLROOTCERT("PGSSLROOTCERT"),
    SSLCERT("PGSSLCERT"),
    SSLKEY("PGSSLKEY"),
    SSLPASSWORD(""),
    SSLCRL("PGSSLCRL"),
    SSLSNI("PGSSLSNI"),
    SSL_MIN_PROTOCOL_VERSION("PGSSLMINPROTOCOLVERSION"),
    SSL_MAX_PROTOCOL_VERSION("PGSSLMAXPROTOCOLVERSION"),
    CHANNEL_BINDING("PGCHANNELBINDING"),
    REQUIRE_AUTH("PGREQUIREAUTH"),
    KEEPALIVES(""),
    KEEPALIVES_IDLE(""),
    KEEPALIVES_INTERVAL(""),
    KEEPALIVES_COUNT(""),
    TCP_USER_TIMEOUT(""),
    TARGET_SESSION_ATTRS("PGTARGETSESSIONATTRS"),
    LOAD_BALANCE_HOSTS("PGLOADBALANCEHOSTS"),
    MIN_PROTOCOL_VERSION("PGMINPROTOCOLVERSION"),
    MAX_PROTOCOL_VERSION("PGMAXPROTOCOLVERSION"),
    GSSENCMODE("PGGSSENCMODE"),

    REPLICATION("", Use.IGNORED, "the relay decides for each connection whether it is one for replication"),
    SSLCOMPRESSION("PGSSLCOMPRESSION", Use.IGNORED, "TLS compression is never used"),
    SSLCERTMODE("PGSSLCERTMODE", Use.IGNORED, "a client certificate is sent when the server asks and there is one"),
    KRBSRVNAME("PGKRBSRVNAME", Use.IGNORED, "GSSAPI is not supported"),
    GSSLIB("PGGSSLIB", Use.IGNORED, "GSSAPI is not supported"),
    GSSDELEGATION("PGGSSDELEGATION", Use.IGNORED, "GSSAPI is not supported"),

    SERVICE("PGSERVICE", Use.REFUSED, "write the service's keywords into the connection string"),
    SERVICEFILE("PGSERVICEFILE", Use.REFUSED, "write the service's keywords into the connection string"),
    REQUIREPEER("PGREQUIREPEER", Use.REFUSED, "it is for Unix-domain sockets, which are not supported"),
    SSLCRLDIR("PGSSLCRLDIR", Use.REFUSED, "expected sslcrl=FILE"),
    SSLKEYLOGFILE("", Use.REFUSED, "it would write TLS secrets to a file"),
    SCRAM_CLIENT_KEY("", Use.REFUSED, "expected password or passfile"),
    SCRAM_SERVER_KEY("", Use.REFUSED, "expected password or passfile"),
    OAUTH_ISSUER("", Use.REFUSED, "OAuth is not supported"),
    OAUTH_CLIENT_ID("", Use.REFUSED, "OAuth is not supported"),
    OAUTH_CLIENT_SECRET("", Use.REFUSED, "OAuth is not supported"),
    OAUTH_SCOPE("", Use.REFUSED, "OAuth is not supported");

    /** What the relay does with a keyword that libpq knows. */
    enum Use {
        HONOURED,
        IGNORED,
        REFUSED
    }

    private final String environment;
    private final Use use;
    private final String reason;

    ConninfoKeyword(String environment) {
        this(environment, Use.HONOURED, "");
    }

    ConninfoKeyword(String environment, Use use, String reason) {
        this.environment = environment;
        this.use = use;
        this.reason = reason;
    }

    static Optional<ConninfoKeyword> find(String keyword) {
        return Arrays.stream(values()).filter(k -> k.keyword().equals(keyword)).findFirst();
    }

    /** As a connection string spells it. */
    String keyword() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The environment variable with its default; empty when there is none. */
    String environment() {
        return environment;
    }

    Use use() {
        return use;
    }

    /** Why it is ignored or refused; empty when it is honoured. */
    String reason() {
        return reason;
    }
}
