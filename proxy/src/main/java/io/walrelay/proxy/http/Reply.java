package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.LinkedHashMap;
import java.util.Map;

/** An answer that is whole when it is sent. */
record Reply(HttpResponseStatus status, String contentType, String body, Map<String, String> headers) {

    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String JSON = "application/json";

    static Reply text(HttpResponseStatus status, String text) {
        return of(status, TEXT, text + "\n");
    }

    static Reply json(HttpResponseStatus status, Object value) {
        return of(status, JSON, Json.MAPPER.writeValueAsString(value) + "\n");
    }

    static Reply of(HttpResponseStatus status, String contentType, String body) {
        return new Reply(status, contentType, body, Map.of());
    }

    /** One line that says what is wrong, for programs where programs ask. */
    static Reply error(HttpResponseStatus status, String path, String message) {
        return path.startsWith("/api/") || path.equals("/wal") || path.startsWith("/wal/") ? json(status, Map.of("error", message)) : text(status, message);
    }

    Reply with(String header, String value) {
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.put(header, value);
        return new Reply(status, contentType, body, more);
    }
}
