package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.walrelay.protocol.handshake.Transport;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.TlsSettings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Locale;
import java.util.Optional;
import javax.net.ssl.SSLPeerUnverifiedException;

/** TLS as the port's server: the certificate, ALPN {@code postgresql}, channel binding data (be-secure-openssl.c). Thread-safe. */
final class ServerTls {

    private final SslContext context;
    private final Optional<Secret> serverEndPoint;

    private ServerTls(SslContext context, Optional<Secret> serverEndPoint) {
        this.context = context;
        this.serverEndPoint = serverEndPoint;
    }

    /** @throws IOException when certificate or key can't be read or do not fit together */
    static ServerTls of(TlsSettings settings) throws IOException {
        SslContextBuilder builder = SslContextBuilder.forServer(settings.cert().toFile(), settings.key().toFile())
                .sslProvider(OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK)
                .protocols("TLSv1.3", "TLSv1.2")
                .applicationProtocolConfig(new ApplicationProtocolConfig(
                        ApplicationProtocolConfig.Protocol.ALPN,
                        ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                        ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                        Transport.ALPN));
        if (settings.clientCa().isPresent()) {
            // Whether a client needs a certificate is for the rules to say; one that shows a wrong one is refused here.
            builder.trustManager(settings.clientCa().get().toFile()).clientAuth(ClientAuth.OPTIONAL);
        }
        try (InputStream pem = Files.newInputStream(settings.cert())) {
            X509Certificate own =
                    (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
            return new ServerTls(builder.build(), endPoint(own));
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IOException("could not use certificate %s with key %s: %s".formatted(settings.cert(), settings.key(), e.getMessage()), e);
        }
    }

    /** RFC 5929: the certificate's hash, by the hash of its signature; SHA-256 where that is MD5 or SHA-1 (be_tls_get_certificate_hash). */
    private static Optional<Secret> endPoint(X509Certificate certificate) throws GeneralSecurityException {
        String signature = certificate.getSigAlgName().toUpperCase(Locale.ROOT);
        int with = signature.indexOf("WITH");
        if (with < 0) {
            return Optional.empty();
        }
        String hash = signature.substring(0, with);
        String algorithm =
                switch (hash) {
                    case "MD5", "SHA1" -> "SHA-256";
                    case "SHA224", "SHA256", "SHA384", "SHA512" -> "SHA-" + hash.substring(3);
                    default -> "";
                };
        return algorithm.isEmpty()
                ? Optional.empty()
                : Optional.of(Secret.of(MessageDigest.getInstance(algorithm).digest(certificate.getEncoded())));
    }

    SslHandler newHandler(ByteBufAllocator allocator) {
        return context.newHandler(allocator);
    }

    /** What the handshake has to know of a connection whose TLS stands. */
    Transport.Tls transport(SslHandler handler) {
        return new Transport.Tls(serverEndPoint, Optional.ofNullable(handler.applicationProtocol()));
    }

    static Optional<X509Certificate> clientCertificate(SslHandler handler) {
        try {
            return handler.engine().getSession().getPeerCertificates()[0] instanceof X509Certificate certificate
                    ? Optional.of(certificate)
                    : Optional.empty();
        } catch (SSLPeerUnverifiedException e) {
            return Optional.empty(); // It showed none.
        }
    }
}
