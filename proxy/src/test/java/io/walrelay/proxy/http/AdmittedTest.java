package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.TlsSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdmittedTest {

    @TempDir
    private Path directory;

    private Admitted by(String certificate, String token, boolean readOnly, boolean insecure) throws IOException {
        TlsSettings tls = new TlsSettings(directory.resolve(certificate), directory.resolve("key"), Optional.of(directory.resolve("ca")));
        return Admitted.of(new HttpSettings(
                new HostPort("127.0.0.1", 0), Optional.of(tls), List.of(new HttpSettings.Token(Secret.utf8(token), readOnly)), insecure));
    }

    @Test
    void tokensAndWhoSignsCertificatesMakeADifferenceAndTheOwnCertificateNone() throws Exception {
        Path ca = Files.writeString(directory.resolve("ca"), "one");
        Admitted before = by("cert", "a", true, false);
        assertEquals(before, by("renewed", "a", true, false));
        assertNotEquals(before, by("cert", "b", true, false));
        assertNotEquals(before, by("cert", "a", false, false));
        assertNotEquals(before, by("cert", "a", true, true));
        Files.writeString(ca, "other");
        assertNotEquals(before, by("cert", "a", true, false));
    }
}
