package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** What a driver has to do for a {@link ClientHandshake}, in the order given. */
public sealed interface ClientAction {

    record Send(FrontendMessage message) implements ClientAction {}

    /** Begin TLS as its client, then call {@link ClientHandshake#onTlsEstablished} or {@link ClientHandshake#onTlsFailed}. */
    record StartTls() implements ClientAction {}

    /** A notice of the server's, to be logged. */
    record Notice(Diagnostic diagnostic) implements ClientAction {}

    /**
     * The session stands and the server waits for the first query.
     *
     * @param key empty when the server gave none
     * @param parameters what ParameterStatus told
     */
    record Connected(Optional<BackendKeyData> key, Map<String, String> parameters, ProtocolVersion version)
            implements ClientAction {
        public Connected {
            parameters = Collections.unmodifiableMap(new LinkedHashMap<>(parameters));
        }
    }

    /** The request to cancel is out; the server answers nothing and closes the connection when it has seen to it. */
    record CancelSent() implements ClientAction {}

    /** Close the connection. */
    record Fail(ClientFailure failure) implements ClientAction {}
}
