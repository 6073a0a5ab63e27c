package io.walrelay.proxy.http;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.walrelay.cache.Incoming;

/** A request whose body is not in it. */
final class Upload extends DefaultFullHttpRequest {

    /** What became of the body. */
    sealed interface Body {
        /** To be closed by whoever answers. */
        record Came(Incoming file) implements Body {}

        /** It is not read, because the answer is known without it. */
        record Refused(Reply answer) implements Body {}
    }

    private final Body body;

    Upload(HttpRequest head, Body body) {
        super(head.protocolVersion(), head.method(), head.uri(), Unpooled.EMPTY_BUFFER, head.headers().copy(), DefaultHttpHeadersFactory.trailersFactory().newHeaders());
        this.body = body;
        if (body instanceof Body.Refused) {
            // What still comes would be taken for the next request.
            headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        }
    }

    Body body() {
        return body;
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
