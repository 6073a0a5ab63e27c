package io.walrelay.proxy.http;

import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.tls.ServerCertificate;
import java.io.IOException;
import javax.net.ssl.SSLPeerUnverifiedException;

/** TLS of the HTTP port. */
final class HttpTls {

    private HttpTls() {}

    /** @throws IOException when certificate, key or client CA can't be read or do not fit together */
    static SslContext of(TlsSettings settings) throws IOException {
        try {
            return ServerCertificate.read(settings).context().build();
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
