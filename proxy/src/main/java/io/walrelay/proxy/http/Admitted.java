package io.walrelay.proxy.http;

import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.TlsSettings;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Who may come in, to be compared with who might before. The port's own certificate is none of it: that is renewed now and then.
 *
 * @param authorities the bytes of http.tls.client-ca
 */
record Admitted(List<HttpSettings.Token> tokens, boolean insecure, Optional<ByteBuffer> authorities) {

    /** @throws IOException when client-ca can't be read */
    static Admitted of(HttpSettings settings) throws IOException {
        Optional<Path> file = settings.tls().flatMap(TlsSettings::clientCa);
        Optional<ByteBuffer> authorities = file.isPresent() ? Optional.of(ByteBuffer.wrap(Files.readAllBytes(file.get())).asReadOnlyBuffer()) : Optional.empty();
        return new Admitted(settings.tokens(), settings.insecure(), authorities);
    }
}
