package io.walrelay.proxy.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.proxy.auth.ConnectionFacts.InterfaceAddress;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HbaTest {

    private static final List<InterfaceAddress> LOCAL = List.of(new InterfaceAddress(InetAddress.ofLiteral("10.1.2.3"), 24));

    private static ConnectionFacts replication(String address, boolean encrypted, String user) {
        return new ConnectionFacts(Optional.of(InetAddress.ofLiteral(address)), encrypted, "replication", user, true, () -> LOCAL);
    }

    private static ConnectionFacts session(String address, String database, String user) {
        return new ConnectionFacts(Optional.of(InetAddress.ofLiteral(address)), false, database, user, false, () -> LOCAL);
    }

    private static boolean fits(String line, ConnectionFacts facts) {
        return Hba.parse(List.of(line)).match(facts) instanceof Hba.Verdict.Authenticate;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "local replication all trust          | true",
        "local replication all peer           | true",
        "local all all trust                  | false",
        "host replication all all trust       | false",
        "host replication all samehost trust  | false",
        "hostnossl replication all all trust  | false",
    })
    void linesOfTypeLocalAreForTheUnixSocketAndNoOthersAre(String line, boolean expected) {
        assertEquals(expected, fits(line, new ConnectionFacts(Optional.empty(), false, "", "u", true, () -> LOCAL)));
    }

    @Test
    void refusesWhoComesByTheUnixSocketInPostgresWords() {
        ConnectionFacts local = new ConnectionFacts(Optional.empty(), false, "db", "u", false, () -> LOCAL);
        assertEquals(
                new Hba.Verdict.Refuse("no pg_hba.conf entry for host \"[local]\", user \"u\", database \"db\", no encryption"),
                Hba.parse(List.of("host all all all trust")).match(local));
        assertEquals(new Hba.Verdict.Authenticate(Hba.Method.SCRAM_SHA_256, Hba.ClientCert.NONE, 3), Hba.LOOPBACK_ONLY.match(local));
    }

    @ParameterizedTest(name = "{0} | {1} tls={2} {3}: {4}")
    @CsvSource(delimiter = '|', value = {
        "host replication all 10.0.0.0/8 trust                 | 10.9.9.9 | false | u   | true",
        "host replication all 10.0.0.0/8 trust                 | 11.0.0.1 | false | u   | false",
        "host replication all 10.0.0.0 255.0.0.0 trust         | 10.9.9.9 | false | u   | true",
        "host replication all 10.0.0.0 255.0.0.0 trust         | 11.0.0.1 | false | u   | false",
        "host replication all 0.0.0.0/0 trust                  | 11.0.0.1 | false | u   | true",
        "host replication all 0.0.0.0/0 trust                  | ::1      | false | u   | false",
        "host replication all ::/0 trust                       | ::1      | false | u   | true",
        "host replication all 2001:db8::/33 trust              | 2001:db8:7fff::1 | false | u | true",
        "host replication all 2001:db8::/33 trust              | 2001:db8:8000::1 | false | u | false",
        "host replication all 10.0.0.1/8 trust                 | ::ffff:10.2.3.4 | false | u | true",
        "host replication all all trust                        | ::1      | false | u   | true",
        "host replication all samehost trust                   | 10.1.2.3 | false | u   | true",
        "host replication all samehost trust                   | 10.1.2.4 | false | u   | false",
        "host replication all samenet trust                    | 10.1.2.4 | false | u   | true",
        "host replication all samenet trust                    | 10.1.3.4 | false | u   | false",
        "hostssl replication all all trust                     | ::1      | false | u   | false",
        "hostssl replication all all trust                     | ::1      | true  | u   | true",
        "hostnossl replication all all trust                   | ::1      | true  | u   | false",
        "hostnogssenc replication all all trust                | ::1      | true  | u   | true",
        "hostgssenc replication all all trust                  | ::1      | true  | u   | false",
        "local replication all trust                           | ::1      | false | u   | false",
        "host all all all trust                                | ::1      | false | u   | false",
        "host \"replication\" all all trust                    | ::1      | false | u   | false",
        "host /repl all all trust                              | ::1      | false | u   | false",
        "host all, replication all all trust                   | ::1      | false | u   | true",
        "host replication a,b all trust                        | ::1      | false | b   | true",
        "host replication \"all\" all trust                    | ::1      | false | u   | false",
        "host replication \"a b\",c all trust                  | ::1      | false | a b | true",
        "host replication \"a\"\"b\" all trust                 | ::1      | false | a\"b | true",
        "host replication /^re.l$ all trust                    | ::1      | false | repl | true",
        "host replication /^re.l$ all trust                    | ::1      | false | xrepl | false",
        "host replication /e all trust                         | ::1      | false | repl | true",
        "host replication \"/e\" all trust                     | ::1      | false | repl | false",
        "host replication U all trust                          | ::1      | false | u   | false",
    })
    void fitsPhysicalReplication(String line, String address, boolean encrypted, String user, boolean expected) {
        assertEquals(expected, fits(line, replication(address, encrypted, user)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "host all all all trust         | db | u  | true",
        "host replication all all trust | db | u  | false",
        "host replication all all trust | replication | u | false",
        "host sameuser all all trust    | u  | u  | true",
        "host sameuser all all trust    | db | u  | false",
        "host a,db all all trust        | db | u  | true",
        "host /^d all all trust         | db | u  | true",
    })
    void fitsOtherSessionsByDatabase(String line, String database, String user, boolean expected) {
        assertEquals(expected, fits(line, session("::1", database, user)));
    }

    @Test
    void letsTheFirstRuleThatFitsDecide() {
        Hba hba = Hba.parse(List.of(
                "# comment",
                "",
                "host replication bad all reject # not him",
                "hostssl replication \\",
                "  all all cert clientname=CN",
                "hostssl all all all md5 clientcert=verify-ca",
                "host replication all all scram-sha-256"));
        assertEquals(new Hba.Verdict.Authenticate(Hba.Method.CERT, Hba.ClientCert.VERIFY_FULL, 4), hba.match(replication("::1", true, "u")));
        assertEquals(new Hba.Verdict.Authenticate(Hba.Method.SCRAM_SHA_256, Hba.ClientCert.NONE, 7), hba.match(replication("::1", false, "u")));
        assertEquals(
                new Hba.Verdict.Refuse("pg_hba.conf rejects replication connection for host \"::1\", user \"bad\", SSL encryption"),
                hba.match(replication("::1", true, "bad")));
    }

    @Test
    void refusesInPostgresWordsWhenNothingFits() {
        Hba none = Hba.parse(List.of());
        assertEquals(
                new Hba.Verdict.Refuse("no pg_hba.conf entry for replication connection from host \"10.0.0.9\", user \"u\", no encryption"),
                none.match(replication("10.0.0.9", false, "u")));
        assertEquals(
                new Hba.Verdict.Refuse("no pg_hba.conf entry for host \"10.0.0.9\", user \"u\", database \"db\", no encryption"),
                none.match(session("10.0.0.9", "db", "u")));
        assertEquals(
                new Hba.Verdict.Refuse("pg_hba.conf rejects connection for host \"10.0.0.9\", user \"u\", database \"db\", no encryption"),
                Hba.parse(List.of("host all all all reject")).match(session("10.0.0.9", "db", "u")));
    }

    @Test
    void letsOnlyThisMachineInByDefault() {
        Hba.Verdict scram = new Hba.Verdict.Authenticate(Hba.Method.SCRAM_SHA_256, Hba.ClientCert.NONE, 1);
        assertEquals(scram, Hba.LOOPBACK_ONLY.match(replication("127.0.0.1", false, "u")));
        assertEquals(scram, Hba.LOOPBACK_ONLY.match(session("127.0.0.1", "walrelay", "u")));
        assertEquals(2, ((Hba.Verdict.Authenticate) Hba.LOOPBACK_ONLY.match(replication("::1", false, "u"))).line());
        assertEquals(true, Hba.LOOPBACK_ONLY.match(replication("127.0.0.2", false, "u")) instanceof Hba.Verdict.Refuse);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "host all all all peer | hba line 1: method \"peer\"; expected another: peer authentication is only supported on local sockets",
        "hosts all all all trust | hba line 1: connection type \"hosts\"; expected local, host, hostssl, hostnossl, hostgssenc, hostnogssenc",
        "include other.conf | hba line 1: connection type \"include\"; expected a rule: other files are not read",
        "host all | hba line 1: end of line before the user; expected TYPE DATABASE USER ADDRESS METHOD [OPTION…]",
        "host samerole all all trust | hba line 1: database \"samerole\"; expected a name, all, replication, sameuser or /regex: the relay does not know which roles are members of which",
        "host all +admins all trust | hba line 1: user \"+admins\"; expected a name, all or /regex: the relay does not know which roles are members of which",
        "host @dbs all all trust | hba line 1: database \"@dbs\"; expected names: other files are not read",
        "host all /( all trust | hba line 1: user \"/(\"; expected a regular expression after the slash: Unclosed group",
        "host all all pg1.example trust | hba line 1: address \"pg1.example\"; expected ADDRESS/PREFIX, ADDRESS MASK, samehost, samenet or all: host names are not supported, since a name in a rule is only as safe as the reverse look-up",
        "host all all 10.0.0.0/33 trust | hba line 1: address \"10.0.0.0/33\"; expected a prefix of 0 to 32 bits",
        "host all all 10.0.0/8 trust | hba line 1: address \"10.0.0/8\"; expected an IPv4 or IPv6 address before the slash",
        "host all all 10.0.0.256/8 trust | hba line 1: address \"10.0.0.256/8\"; expected an IPv4 or IPv6 address before the slash",
        "host all all 10.0.0.1 trust | hba line 1: address \"10.0.0.1 trust\"; expected an IP address and a netmask, or ADDRESS/PREFIX",
        "host all all 10.0.0.1 ff00:: trust | hba line 1: address \"10.0.0.1 ff00::\"; expected an IP address and a netmask of the same family",
        "host all all all ldap | hba line 1: method \"ldap\"; expected trust, reject, scram-sha-256, md5, cert, peer",
        "host all all all cert | hba line 1: method \"cert\"; expected another: cert authentication is only supported on hostssl connections",
        "hostssl all all all cert map=m | hba line 1: option \"map=m\"; expected clientcert=verify-ca, clientcert=verify-full, clientname=CN: user name maps are not supported",
        "host all all all md5 clientcert=verify-ca | hba line 1: option \"clientcert\"; expected it in hostssl rules only",
        "host all \"u all trust | hba line 1: unterminated quoted string",
    })
    void namesLineFieldValueAndWhatWasExpected(String line, String problem) {
        InvalidHbaException e = assertThrows(InvalidHbaException.class, () -> Hba.parse(List.of(line)));
        assertEquals(List.of(problem), e.problems());
    }

    @Test
    void saysAllProblemsAtOnce() {
        InvalidHbaException e = assertThrows(
                InvalidHbaException.class, () -> Hba.parse(List.of("host all all all x", "host all all all trust", "x")));
        assertEquals(2, e.problems().size());
    }
}
