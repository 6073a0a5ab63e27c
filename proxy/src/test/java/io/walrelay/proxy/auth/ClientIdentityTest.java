package io.walrelay.proxy.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.auth.ConnectionFacts.InterfaceAddress;
import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.security.auth.x500.X500Principal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is believed of a client: its certificate's name, its text, its address. */
class ClientIdentityTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "none", value = {
        "CN=certified | certified",
        "CN=certified,OU=x,O=y | certified",
        "O=y,CN=certified | certified",
        "OU=x+CN=certified,O=y | certified",
        "CN=other,CN=certified | none",
        "CN=certified,CN=other | none",
        "CN=certified+CN=other | none",
        "CN=certified,OU=x+CN=certified | none",
        "O=y | none",
    })
    void aCertificateNamesOneOrNobody(String subject, String name) {
        assertEquals(Optional.ofNullable(name), CertificateName.commonName(new X500Principal(subject)));
    }

    @Test
    void textOfAClientStaysOnItsLine() {
        assertEquals("a\\u000ab \u00e4 \\u202e\\u001b[31m", ClientText.printable("a\nb \u00e4 \u202e\u001b[31m"));
        assertEquals("a\\x0a\\xc3\\xa4", ClientText.applicationName("a\n\u00e4"));
        assertEquals("x".repeat(63), ClientText.applicationName("x".repeat(64)));
    }

    @Test
    void addressesOfThisMachineAreReadForSamenetAlone() {
        AtomicInteger reads = new AtomicInteger();
        AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));
        InetAddress client = InetAddress.ofLiteral("10.1.2.9");
        LocalAddresses local = new LocalAddresses(
                () -> {
                    reads.incrementAndGet();
                    return List.of(new InterfaceAddress(InetAddress.ofLiteral("10.1.2.3"), 24));
                },
                now::get);
        ConnectionFacts facts = new ConnectionFacts(Optional.of(client), false, "", "u", true, local);
        Hba.parse(List.of("host replication u 10.0.0.0/8 trust", "host replication all samenet trust")).match(facts);
        assertEquals(0, reads.get());
        Hba samenet = Hba.parse(List.of("host replication all samenet trust"));
        samenet.match(facts);
        samenet.match(facts);
        assertEquals(1, reads.get());
        now.updateAndGet(t -> t.plusSeconds(6));
        samenet.match(facts);
        assertEquals(2, reads.get());
    }
}
