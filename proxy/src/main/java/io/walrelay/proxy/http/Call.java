package io.walrelay.proxy.http;

import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpUtil;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * A request as the paths see it: a copy, free of the connection's buffers.
 *
 * @param asked the URL of the relay by which it was asked, as the client wrote it; not to be trusted
 */
record Call(HttpMethod method, String path, Optional<String> asked, String contentType, String body, boolean keepAlive) {

    /** @param scheme http or https */
    static Call of(String scheme, FullHttpRequest request) {
        return new Call(
                request.method(),
                pathOf(request.uri()),
                Optional.ofNullable(request.headers().get(HttpHeaderNames.HOST)).map(host -> scheme + "://" + host),
                request.headers().get(HttpHeaderNames.CONTENT_TYPE, "").toLowerCase(Locale.ROOT),
                request.content().toString(StandardCharsets.UTF_8),
                HttpUtil.isKeepAlive(request));
    }

    /** Compared with known paths only, so nothing is decoded: an encoded slash stays a wrong path. */
    static String pathOf(String uri) {
        int query = uri.indexOf('?');
        return query < 0 ? uri : uri.substring(0, query);
    }
}
