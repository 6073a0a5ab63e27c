package io.walrelay.proxy.tls;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.netty.pkitesting.X509Bundle;
import io.walrelay.proxy.config.TlsSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class ServerCertificateTest {

    @TempDir
    private Path directory;

    private static X509Bundle issue(Algorithm algorithm) throws Exception {
        return new CertificateBuilder().algorithm(algorithm).subject("CN=relay").setIsCertificateAuthority(true).buildSelfSigned();
    }

    private TlsSettings files(X509Bundle certificate, X509Bundle key) throws IOException {
        return new TlsSettings(
                Files.writeString(directory.resolve("tls.crt"), certificate.getCertificatePEM()),
                Files.writeString(directory.resolve("tls.key"), key.getPrivateKeyPEM()),
                Optional.empty());
    }

    @ParameterizedTest
    @EnumSource(value = Algorithm.class, names = {"rsa2048", "ecp256", "ecp384", "ed25519"})
    void takesACertificateWithItsKeyAndNoOther(Algorithm algorithm) throws Exception {
        X509Bundle own = issue(algorithm);
        ServerCertificate read = ServerCertificate.read(files(own, own));
        assertEquals("CN=relay", read.certificate().getSubjectX500Principal().getName());
        assertNotNull(read.context().build());
        refuses(files(own, issue(algorithm)));
        refuses(files(own, issue(algorithm == Algorithm.rsa2048 ? Algorithm.ecp256 : Algorithm.rsa2048)));
    }

    private static void refuses(TlsSettings settings) {
        IOException refused = assertThrows(IOException.class, () -> ServerCertificate.read(settings));
        assertEquals("could not use certificate %s with key %s: the key is not the certificate's".formatted(settings.cert(), settings.key()), refused.getMessage());
    }

    @Test
    void saysWhatIsNoCertificate() throws Exception {
        X509Bundle own = issue(Algorithm.ecp256);
        TlsSettings settings = files(own, own);
        Files.writeString(settings.cert(), "");
        assertTrue(String.valueOf(assertThrows(IOException.class, () -> ServerCertificate.read(settings)).getMessage()).startsWith("could not use certificate " + settings.cert()));
        TlsSettings again = files(own, own);
        Files.writeString(again.key(), own.getCertificatePEM());
        assertTrue(String.valueOf(assertThrows(IOException.class, () -> ServerCertificate.read(again)).getMessage()).startsWith("could not use certificate " + settings.cert()));
    }
}
