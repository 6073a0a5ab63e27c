package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.walrelay.protocol.handshake.Transport;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.tls.ServerCertificate;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
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
        try {
            ServerCertificate shown = ServerCertificate.read(settings);
            SslContext context = shown.context()
                    .applicationProtocolConfig(new ApplicationProtocolConfig(
                            ApplicationProtocolConfig.Protocol.ALPN,
                            ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                            ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                            Transport.ALPN))
                    .build();
            return new ServerTls(context, endPoint(shown.certificate()));
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
