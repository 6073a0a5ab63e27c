package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/** The body of a request that changes something. */
final class JsonBody {

    private JsonBody() {}

    /** Why it is not read; empty when it may be. A form on somebody's web page can post text, but not this type, without asking first. */
    static Optional<Reply> refuse(Call call) {
        return call.contentType().startsWith("application/json")
                ? Optional.empty()
                : Optional.of(Reply.error(
                        HttpResponseStatus.UNSUPPORTED_MEDIA_TYPE,
                        call.path(),
                        "Content-Type \"%s\"; expected application/json".formatted(call.contentType())));
    }

    /**
     * @param expected completes the sentence "expected …"
     * @throws IllegalArgumentException when it is something else
     */
    static <T> T read(Call call, Class<T> type, String expected) {
        @Nullable T value;
        try {
            value = Json.MAPPER.readValue(call.body(), type);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("can't read the body: %s; expected %s".formatted(e.getOriginalMessage(), expected), e);
        }
        if (value == null) {
            throw new IllegalArgumentException("nothing in the body; expected " + expected);
        }
        return value;
    }
}
