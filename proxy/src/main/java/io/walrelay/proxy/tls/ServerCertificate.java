package io.walrelay.proxy.tls;

import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.walrelay.proxy.config.TlsSettings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;

/** What one of the relay's ports shows of itself, and whose clients' certificates it believes. Immutable. */
public final class ServerCertificate {

    private static final byte[] ANYTHING = new byte[32];

    private final X509Certificate certificate;
    private final TlsSettings settings;

    private ServerCertificate(X509Certificate certificate, TlsSettings settings) {
        this.certificate = certificate;
        this.settings = settings;
    }

    /** @throws IOException when certificate or key can't be read, or are not of each other: OpenSSL would only find out with the first client */
    public static ServerCertificate read(TlsSettings settings) throws IOException {
        try (InputStream pem = Files.newInputStream(settings.cert())) {
            X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
            requireFitting(certificate, Pem.key(settings.key()));
            return new ServerCertificate(certificate, settings);
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IOException("could not use certificate %s with key %s: %s".formatted(settings.cert(), settings.key(), e.getMessage()), e);
        }
    }

    /** How Netty reads keys, as it will for the port. */
    private abstract static class Pem extends SslContext {
        static PrivateKey key(Path file) throws GeneralSecurityException, IOException {
            return toPrivateKey(file.toFile(), null);
        }
    }

    private static void requireFitting(X509Certificate certificate, PrivateKey key) throws GeneralSecurityException {
        if (!isOf(certificate.getPublicKey(), key)) {
            throw new GeneralSecurityException("the key is not the certificate's");
        }
    }

    private static boolean isOf(PublicKey shown, PrivateKey key) throws GeneralSecurityException {
        PrivateKey own;
        try {
            // Whoever read it may have a class of its own for it, which other providers do not take.
            own = KeyFactory.getInstance(shown.getAlgorithm()).generatePrivate(new PKCS8EncodedKeySpec(key.getEncoded()));
        } catch (InvalidKeySpecException e) {
            return false; // Of another algorithm.
        }
        return shown instanceof RSAKey theirs && own instanceof RSAKey ours ? theirs.getModulus().equals(ours.getModulus()) : signsFor(shown, own);
    }

    private static boolean signsFor(PublicKey shown, PrivateKey key) throws GeneralSecurityException {
        Signature signature = Signature.getInstance(shown.getAlgorithm().equals("EC") ? "SHA256withECDSA" : shown.getAlgorithm());
        signature.initSign(key);
        signature.update(ANYTHING);
        byte[] signed = signature.sign();
        signature.initVerify(shown);
        signature.update(ANYTHING);
        return signature.verify(signed);
    }

    /** The port's own. */
    public X509Certificate certificate() {
        return certificate;
    }

    /**
     * TLS 1.2 and 1.3 with it. Clients are not required to have a certificate: whether one needs one is for rules to say; one that shows a wrong
     * one is refused.
     */
    public SslContextBuilder context() {
        SslContextBuilder builder = SslContextBuilder.forServer(settings.cert().toFile(), settings.key().toFile())
                .sslProvider(OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK)
                .protocols("TLSv1.3", "TLSv1.2");
        return settings.clientCa().isPresent()
                ? builder.trustManager(settings.clientCa().get().toFile()).clientAuth(ClientAuth.OPTIONAL)
                : builder;
    }
}
