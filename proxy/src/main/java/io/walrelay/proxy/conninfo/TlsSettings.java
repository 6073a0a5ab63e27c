package io.walrelay.proxy.conninfo;

import io.walrelay.protocol.message.Secret;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a connection string says about TLS. Files are not looked at here: where one is not named, libpq takes
 * {@code root.crt}, {@code postgresql.crt}, {@code postgresql.key} and {@code root.crl} of {@code ~/.postgresql} when they
 * exist, see {@link Conninfo#userDirectory()}.
 */
public record TlsSettings(
        Mode mode,
        Negotiation negotiation,
        RootCert rootCert,
        Optional<Path> cert,
        Optional<Path> key,
        Optional<Secret> keyPassword,
        Optional<Path> crl,
        boolean sni,
        ChannelBinding channelBinding,
        Version minVersion,
        Optional<Version> maxVersion) {

    /** Words of sslmode, weakest first. */
    public enum Mode {
        DISABLE("disable"),
        ALLOW("allow"),
        PREFER("prefer"),
        REQUIRE("require"),
        VERIFY_CA("verify-ca"),
        VERIFY_FULL("verify-full");

        private final String word;

        Mode(String word) {
            this.word = word;
        }

        @Override
        public String toString() {
            return word;
        }
    }

    /** Words of sslnegotiation. */
    public enum Negotiation {
        POSTGRES("postgres"),
        DIRECT("direct");

        private final String word;

        Negotiation(String word) {
            this.word = word;
        }

        @Override
        public String toString() {
            return word;
        }
    }

    /** Words of channel_binding. */
    public enum ChannelBinding {
        DISABLE("disable"),
        PREFER("prefer"),
        REQUIRE("require");

        private final String word;

        ChannelBinding(String word) {
            this.word = word;
        }

        @Override
        public String toString() {
            return word;
        }
    }

    /** Versions of TLS that can be asked for. Older ones are known to libpq; the relay has none older than 1.2. */
    public enum Version {
        TLS_1_2("TLSv1.2"),
        TLS_1_3("TLSv1.3");

        private final String word;

        Version(String word) {
            this.word = word;
        }

        @Override
        public String toString() {
            return word;
        }
    }

    /** Whose signature a server's certificate must bear. */
    public sealed interface RootCert {
        /** {@code sslrootcert} was not given: {@code root.crt} of the user's directory, if it is there. */
        record Default() implements RootCert {}

        /** {@code sslrootcert=system}: the platform's own trust store. */
        record SystemStore() implements RootCert {}

        record File(Path path) implements RootCert {}

        /** Whoever's: for a session that would go on without TLS where the certificate is not trusted. No connection string says so. */
        record Anybody() implements RootCert {}
    }
}
