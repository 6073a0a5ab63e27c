package io.walrelay.proxy.http;

import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.walrelay.proxy.config.TlsSettings;
import java.io.IOException;
import javax.net.ssl.SSLPeerUnverifiedException;

/** TLS of the HTTP port. */
final class HttpTls {

    private HttpTls() {}

    /** @throws IOException when certificate, key or client CA can't be read or do not fit together */
    static SslContext of(TlsSettings settings) throws IOException {
        try {
            SslContextBuilder builder = SslContextBuilder.forServer(settings.cert().toFile(), settings.key().toFile())
                    .sslProvider(OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK)
                    .protocols("TLSv1.3", "TLSv1.2");
            if (settings.clientCa().isPresent()) {
                // Not required: probes come without. Whether one is needed is for Access to say; a wrong one is refused here.
                builder.trustManager(settings.clientCa().get().toFile()).clientAuth(ClientAuth.OPTIONAL);
            }
            return builder.build();
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    "could not use http.tls.cert %s with http.tls.key %s: %s".formatted(settings.cert(), settings.key(), e.getMessage()), e);
        }
    }

    /** Whether the client showed a certificate; one that was not signed by the client CA did not get this far. */
    static boolean certified(SslHandler handler) {
        try {
            return handler.engine().getSession().getPeerCertificates().length > 0;
        } catch (SSLPeerUnverifiedException e) {
            return false; // It showed none.
        }
    }
}
