package io.walrelay.proxy.http;

import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpUtil;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** A request as the paths see it: a copy, free of the connection's buffers. */
record Call(HttpMethod method, String path, String contentType, String body, boolean keepAlive) {

    static Call of(FullHttpRequest request) {
        return new Call(
                request.method(),
                pathOf(request.uri()),
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
