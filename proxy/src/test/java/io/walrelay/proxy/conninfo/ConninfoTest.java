package io.walrelay.proxy.conninfo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConninfoTest {

    private static Conninfo parse(String text) {
        return Conninfo.parse(text, Map.of());
    }

    private static List<String> problems(String text) {
        return assertThrows(InvalidConninfoException.class, () -> parse(text)).problems();
    }

    @Test
    void readsKeywordsWithSpacesQuotesAndBackslashes() {
        Conninfo c = parse("  host = pg1  user=re\\ pl password = 'it\\'s \\\\ a = b' dbname='' application_name=x");
        assertEquals(List.of(HostAddress.of("pg1", 5432)), c.hosts());
        assertEquals("re pl", c.user());
        assertEquals(Optional.of(Secret.utf8("it's \\ a = b")), c.password());
        assertEquals(Optional.empty(), c.database());
        assertEquals(Optional.of("x"), c.applicationName());
    }

    @Test
    void readsAUriWithSeveralHostsAndPercentEncoding() {
        Conninfo c = parse("postgresql://re%20pl:p%40ss%3A@pg1:5433,[fe80::1]:6000,pg3/my%2Fdb?sslmode=verify-full&connect_timeout=7");
        assertEquals(
                List.of(HostAddress.of("pg1", 5433), HostAddress.of("fe80::1", 6000), HostAddress.of("pg3", 5432)), c.hosts());
        assertEquals("re pl", c.user());
        assertEquals(Optional.of(Secret.utf8("p@ss:")), c.password());
        assertEquals(Optional.of("my/db"), c.database());
        assertEquals(TlsSettings.Mode.VERIFY_FULL, c.tls().mode());
        assertEquals(Optional.of(Duration.ofSeconds(7)), c.connectTimeout());
        assertEquals("[fe80::1]:6000", c.hosts().get(1).toString());
    }

    @Test
    void takesJdbcsSslParameterInAUriOnly() {
        assertEquals(TlsSettings.Mode.REQUIRE, parse("postgres://u@h?ssl=true").tls().mode());
        assertEquals(List.of("invalid connection option \"ssl\""), problems("host=h user=u ssl=true"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "host user=u | missing \"=\" after \"host\" in connection info string",
        "host=h user=u password=two words | missing \"=\" after \"…\" in connection info string",
        "host=h user='u | unterminated quoted string in connection info string",
        "postgresql://u@[::1 | end of string reached when looking for matching \"]\" in IPv6 host address in URI",
        "postgresql://u@[] | IPv6 host address may not be empty in URI",
        "postgresql://u@[::1]x | unexpected character \"x\" at position 21 in URI (expected \":\" or \"/\")",
        "postgresql://u@h?sslmode | missing key/value separator \"=\" in URI query parameter: \"sslmode\"",
        "postgresql://u@h?sslmode=a=b | extra key/value separator \"=\" in URI query parameter: \"sslmode\"",
        "postgresql://u:%zz@h | invalid percent-encoded token in password of the URI; expected % and two hexadecimal digits",
        "postgresql://u:%0@h | invalid percent-encoded token in password of the URI; expected % and two hexadecimal digits",
        "postgresql://u:%00@h | forbidden value %00 in percent-encoded password of the URI",
        "postgresql://u:%ff@h | percent-encoded password of the URI is not UTF-8",
        "postgresql://u:a b@h | unexpected spaces found in password of the URI, use percent-encoded spaces (%20) instead",
        "host=h user=u colour=red | invalid connection option \"colour\"",
        "user=u | host is missing; expected host=NAME[,NAME…] or PGHOST (there is no default: Unix-domain sockets are not supported)",
        "host=h | user is missing; expected user=ROLE or PGUSER",
        "host=/tmp user=u | host \"/tmp\" is a Unix-domain socket, which is not supported; expected a host name or an IP address",
        "postgresql://u@%2Ftmp | host \"/tmp\" is a Unix-domain socket, which is not supported; expected a host name or an IP address",
        "host=a,,c user=u | host 2 of 3 is empty; expected a host name or an IP address",
        "host=a,b port=1,2,3 user=u | could not match 3 port numbers to 2 hosts",
        "host=a,b hostaddr=1.2.3.4 user=u | could not match 2 host names to 1 hostaddr values",
        "hostaddr=pg1 user=u | could not parse network address \"pg1\" in hostaddr; expected a numeric IPv4 or IPv6 address",
        "host=a,b port=65536 user=u | invalid port number: \"65536\"; expected 1 to 65535",
        "host=h user=u sslmode=yes | invalid sslmode value: \"yes\"; expected disable, allow, prefer, require, verify-ca, verify-full",
        "host=h user=u sslmode=require sslrootcert=system | weak sslmode \"require\" may not be used with sslrootcert=system (use \"verify-full\")",
        "host=h user=u sslnegotiation=direct | weak sslmode \"prefer\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")",
        "host=h user=u connect_timeout=soon | invalid integer value \"soon\" for connection option \"connect_timeout\"",
        "host=h user=u gssencmode=require | gssencmode=require: GSSAPI encryption is not supported; expected disable or prefer",
        "host=h user=u service=x | connection option \"service\" is not supported: write the service's keywords into the connection string",
        "host=h user=u sslsni=yes | invalid sslsni value: \"yes\"; expected 0, 1",
        "host=h user=u max_protocol_version=3.1 | invalid max_protocol_version value: \"3.1\"; expected 3.0, 3.2, latest",
        "host=h user=u min_protocol_version=3.2 max_protocol_version=3.0 | min_protocol_version 3.2 is greater than max_protocol_version 3.0",
        "host=h user=u target_session_attrs=leader | invalid target_session_attrs value: \"leader\"; expected any, primary, read-write, standby, read-only, prefer-standby",
        "host=h user=u require_auth=!md5,scram-sha-256 | require_auth method \"scram-sha-256\" cannot be mixed with negative methods",
        "host=h user=u ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2 | invalid SSL protocol version range: ssl_min_protocol_version is TLSv1.3, ssl_max_protocol_version is TLSv1.2",
    })
    void namesWhatIsWrong(String text, String problem) {
        assertEquals(List.of(problem), problems(text));
    }

    @Test
    void saysEverythingThatIsWrongAtOnce() {
        assertEquals(
                List.of(
                        "invalid connection option \"colour\"",
                        "invalid port number: \"x\"; expected 1 to 65535",
                        "user is missing; expected user=ROLE or PGUSER",
                        "invalid sslmode value: \"on\"; expected disable, allow, prefer, require, verify-ca, verify-full"),
                problems("host=a,b port=x colour=red sslmode=on"));
    }

    @Test
    void givesOnePortToEveryHostAndTheDefaultToAnEmptyOne() {
        assertEquals(
                List.of(HostAddress.of("a", 7), HostAddress.of("b", 7)), parse("host=a,b port=7 user=u").hosts());
        assertEquals(
                List.of(HostAddress.of("a", 5432), HostAddress.of("b", 7)), parse("host=a,b port=,7 user=u").hosts());
    }

    @Test
    void connectsToHostaddrAndKeepsTheNameForTheCertificate() {
        HostAddress both = parse("host=pg1 hostaddr=10.0.0.1 user=u").hosts().getFirst();
        assertEquals("pg1", both.host());
        assertEquals("10.0.0.1", both.target());
        assertEquals("10.0.0.1", parse("hostaddr=10.0.0.1 user=u").hosts().getFirst().host());
    }

    @Test
    void takesDefaultsFromTheEnvironmentUnlessTheStringSaysOtherwise() {
        Map<String, String> env = Map.of(
                "PGHOST", "envhost", "PGPORT", "6000", "PGUSER", "envuser", "PGSSLMODE", "require", "PGAPPNAME", "envapp", "HOME", "/home/w");
        Conninfo c = Conninfo.parse("user=u sslmode='' fallback_application_name=fall", env);
        assertEquals(List.of(HostAddress.of("envhost", 6000)), c.hosts());
        assertEquals("u", c.user());
        assertEquals(TlsSettings.Mode.PREFER, c.tls().mode(), "an empty value hides the environment's");
        assertEquals(Optional.of("envapp"), c.applicationName());
        assertEquals(Optional.of(Path.of("/home/w/.pgpass")), c.passFile());
        assertEquals(Optional.of(Path.of("/home/w/.postgresql")), c.userDirectory());
    }

    @Test
    void verifiesInFullWithTheSystemsRootCertificates() {
        TlsSettings tls = parse("host=h user=u sslrootcert=system").tls();
        assertEquals(TlsSettings.Mode.VERIFY_FULL, tls.mode());
        assertEquals(new TlsSettings.RootCert.SystemStore(), tls.rootCert());
    }

    @Test
    void readsKeepalivesAndTimeoutsInTheirUnits() {
        Conninfo c = parse("host=h user=u connect_timeout=1 keepalives=0 keepalives_idle=30 keepalives_interval=0 keepalives_count=4 tcp_user_timeout=1500");
        assertEquals(Optional.of(Duration.ofSeconds(2)), c.connectTimeout());
        assertEquals(
                new KeepAlive(false, Optional.of(Duration.ofSeconds(30)), Optional.empty(), Optional.of(4), Optional.of(Duration.ofMillis(1500))),
                c.keepAlive());
        assertEquals(Optional.empty(), parse("host=h user=u connect_timeout=0").connectTimeout());
    }

    @Test
    void notesWhatHasNoEffect() {
        assertEquals(
                List.of("replication has no effect: the relay decides for each connection whether it is one for replication"),
                parse("host=h user=u replication=database").notes());
        assertEquals(List.of("client_encoding=LATIN1 has no effect: the relay's own sessions use UTF8"), parse("host=h user=u client_encoding=LATIN1").notes());
    }

    @Test
    void notesWhatHoldsForSomeSessionsOnly() {
        assertTrue(parse("host=h user=u load_balance_hosts=random").notes().toString().contains("load_balance_hosts=random has no effect"));
        assertEquals(List.of(), parse("host=h user=u load_balance_hosts=disable").notes());
        assertEquals(List.of(), parse("host=h user=u sslcrl=/x.crl").notes());
    }

    @Test
    void takesAnyConnectTimeoutAsOneThatItCanWait() {
        assertEquals(Duration.ofSeconds(1_000_000), parse("host=h user=u connect_timeout=2147483647").connectTimeout().orElseThrow());
    }

    @Test
    void requiresOrExcludesWaysToAuthenticate() {
        RequireAuth only = parse("host=h user=u require_auth=scram-sha-256,md5").requireAuth();
        assertTrue(only.allows("md5"));
        assertFalse(only.allows("password"));
        RequireAuth without = parse("host=h user=u require_auth=!password,!none").requireAuth();
        assertTrue(without.allows("md5"));
        assertFalse(without.allows("none"));
        assertTrue(RequireAuth.ANY.allows("password"));
    }

    @Test
    void asksForTheOlderProtocolUnlessTold() {
        assertEquals(ProtocolVersion.V3_0, parse("host=h user=u").maxProtocol());
        assertEquals(ProtocolVersion.V3_2, parse("host=h user=u max_protocol_version=latest").maxProtocol());
        assertEquals(ProtocolVersion.V3_2, parse("host=h user=u min_protocol_version=3.2").maxProtocol());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "host=h user=u password=hunter2", "postgresql://u:hunter2@h", "host=h user=u sslpassword=hunter2", "host=h user=u password='x hunter2'"
    })
    void neverShowsAPassword(String text) {
        assertFalse(parse(text).toString().contains("hunter2"));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "host=h user=u password=x hunter2", "host=h password='hunter2", "postgresql://u:hunter2%@h", "postgresql://u:hunter2 x@h",
        "postgresql://h?password=hunter2=x", "host=h user=u sslmode=x password=hunter2"
    })
    void neverShowsAPasswordInAProblem(String text) {
        assertFalse(problems(text).toString().contains("hunter2"));
    }

    /** As psql reads it: sockets, the local one without a host, the account's name without a user. */
    @Test
    void aCommandMayUseSockets() {
        Conninfo named = Conninfo.parseAsClient("host=/tmp/x port=5433", Map.of());
        assertEquals(Optional.of(Path.of("/tmp/x/.s.PGSQL.5433")), named.hosts().getFirst().socket());
        assertEquals(System.getProperty("user.name"), named.user());
        assertEquals(Optional.of(Path.of("/var/run/postgresql/.s.PGSQL.5432")), Conninfo.parseAsClient("", Map.of()).hosts().getFirst().socket());
        assertEquals(Optional.empty(), Conninfo.parseAsClient("", Map.of("PGHOST", "pg1")).hosts().getFirst().socket());
        assertEquals(Optional.empty(), Conninfo.parseAsClient("host=/tmp/x hostaddr=127.0.0.1", Map.of()).hosts().getFirst().socket());
    }

    @Test
    void primaryConninfoHasAllThatWasGiven() {
        assertEquals(
                "host=pg1 port=5433 dbname=postgres user=rewind password='a\\\\b\\'c d' application_name=old sslmode=require",
                Conninfo.primaryConninfo(
                        "postgresql://rewind@pg1:5433/postgres?password=a%5Cb'c%20d&fallback_application_name=x&replication=true",
                        Map.of("PGSSLMODE", "require", "PGAPPNAME", "old", "PGDATABASE", "x", "PGHOST", "other")));
        assertEquals("host=pg1 dbname=x user=a", Conninfo.primaryConninfo("host=pg1 user=a", Map.of("PGDATABASE", "x")));
    }

    /** Whose sessions a relay passes on; but where it is, the server's is not, nor what kind of server it is. */
    @Test
    void primaryConninfoOfARelayDiffersByWhereThatIs() {
        assertEquals(
                "host='relay,other' port='6433,6434' user=rewind password=p sslmode=require",
                Conninfo.primaryConninfo(
                        "host=relay,other port=6433,6434",
                        "host=pg1 hostaddr=10.0.0.1 user=rewind password=p target_session_attrs=read-write",
                        Map.of("PGSSLMODE", "require", "PGHOST", "pg2", "PGHOSTADDR", "10.0.0.2", "PGPORT", "5433", "PGTARGETSESSIONATTRS", "primary")));
        assertEquals("host=relay port=6433 user=me", Conninfo.primaryConninfo("host=relay port=6433", "", Map.of("PGUSER", "me")));
    }
}
