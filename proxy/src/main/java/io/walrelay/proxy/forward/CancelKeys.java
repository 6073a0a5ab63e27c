package io.walrelay.proxy.forward;

import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The keys that clients were given, with the sessions upstream that they cancel. Thread-safe. */
public final class CancelKeys {

    private final Map<BackendKeyData, UpstreamSession> sessions = new ConcurrentHashMap<>();

    public void add(BackendKeyData key, UpstreamSession session) {
        sessions.put(key, session);
    }

    public void remove(BackendKeyData key, UpstreamSession session) {
        sessions.remove(key, session);
    }

    /** Empty when the key is nobody's: whoever sends it costs upstream nothing. */
    public Optional<UpstreamSession> find(CancelRequest request) {
        return Optional.ofNullable(sessions.get(new BackendKeyData(request.processId(), request.secretKey())));
    }
}
