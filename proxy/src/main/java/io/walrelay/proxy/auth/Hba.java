package io.walrelay.proxy.auth;

import io.netty.util.NetUtil;
import java.util.List;
import java.util.Optional;

/**
 * Access rules in the form of pg_hba.conf (PostgreSQL: hba.c); the first that fits decides. Not in it, and refused by
 * name: whatever needs PostgreSQL's catalogs (groups), other files, reverse look-ups, and ways to authenticate that the
 * relay has not.
 *
 * <p>As in PostgreSQL the database word {@code replication} fits physical replication only, and nothing else does fit that:
 * {@code all} and names are for the other sessions.
 */
public record Hba(List<HbaRule> rules) {

    /** What holds when nothing is configured: this machine only, with a password. */
    public static final Hba LOOPBACK_ONLY = parse(List.of(
            "host all,replication all 127.0.0.1/32 scram-sha-256",
            "host all,replication all ::1/128 scram-sha-256",
            "local all,replication all scram-sha-256"));

    public Hba {
        rules = List.copyOf(rules);
    }

    /** How a client must prove who it is. */
    public enum Method {
        TRUST("trust"),
        REJECT("reject"),
        SCRAM_SHA_256("scram-sha-256"),
        MD5("md5"),
        /** The system's user at the other end of a Unix-domain socket has the role's name. */
        PEER("peer"),
        CERT("cert");

        private final String word;

        Method(String word) {
            this.word = word;
        }

        @Override
        public String toString() {
            return word;
        }
    }

    /** What is asked of a client's certificate, besides the method. */
    public enum ClientCert {
        NONE,
        VERIFY_CA,
        /** Its common name is the user. */
        VERIFY_FULL
    }

    /** What the rules say to a connection. */
    public sealed interface Verdict {
        record Authenticate(Method method, ClientCert clientCert, int line) implements Verdict {}

        /** SQLSTATE 28000, severity FATAL; {@code message} is PostgreSQL's. */
        record Refuse(String message) implements Verdict {
            public static final String SQL_STATE = "28000";
        }
    }

    /**
     * Reads rules. A line that ends in a backslash goes on in the next.
     *
     * @throws InvalidHbaException with all problems
     */
    public static Hba parse(List<String> lines) {
        return new Hba(HbaReader.read(lines));
    }

    /** The line of the first rule that fits no connection unless the port has TLS, if there is one. */
    public Optional<Integer> firstThatNeedsTls() {
        return rules.stream().filter(rule -> rule.type() == HbaRule.Type.HOSTSSL).map(HbaRule::line).findFirst();
    }

    /** The line of the first rule that admits nobody unless the port asks clients for certificates, if there is one. */
    public Optional<Integer> firstThatNeedsClientCertificates() {
        return rules.stream().filter(rule -> rule.clientCert() != ClientCert.NONE).map(HbaRule::line).findFirst();
    }

    public Verdict match(ConnectionFacts facts) {
        return rules.stream()
                .filter(rule -> rule.fits(facts))
                .findFirst()
                .map(rule -> rule.method() == Method.REJECT
                        ? new Verdict.Refuse("pg_hba.conf rejects %s for %s".formatted(
                                facts.physicalReplication() ? "replication connection" : "connection", who(facts)))
                        : new Verdict.Authenticate(rule.method(), rule.clientCert(), rule.line()))
                .orElseGet(() -> new Verdict.Refuse("no pg_hba.conf entry for %s%s".formatted(
                        facts.physicalReplication() ? "replication connection from " : "", who(facts))));
    }

    private static String who(ConnectionFacts facts) {
        return "host \"%s\", user \"%s\", %s%s".formatted(
                facts.address().map(NetUtil::toAddressString).orElse("[local]"),
                facts.user(),
                facts.physicalReplication() ? "" : "database \"%s\", ".formatted(facts.database()),
                facts.encrypted() ? "SSL encryption" : "no encryption");
    }
}
