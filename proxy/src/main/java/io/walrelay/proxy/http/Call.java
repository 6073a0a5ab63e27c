package io.walrelay.proxy.http;

import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.ssl.SslHandler;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * A request as the paths see it: a copy, free of the connection's buffers.
 *
 * @param scheme http or https
 */
record Call(String scheme, HttpMethod method, String path, String query, HttpHeaders headers, String body, boolean keepAlive) {

    static Call of(ChannelPipeline pipeline, HttpRequest request) {
        return new Call(
                pipeline.get(SslHandler.class) == null ? "http" : "https",
                request.method(),
                pathOf(request.uri()),
                queryOf(request.uri()),
                request.headers(),
                request instanceof FullHttpRequest full ? full.content().toString(StandardCharsets.UTF_8) : "",
                HttpUtil.isKeepAlive(request));
    }

    /** The URL of the relay by which it was asked, as the client wrote it; not to be trusted. */
    Optional<String> asked() {
        return Optional.ofNullable(headers.get(HttpHeaderNames.HOST)).map(host -> scheme + "://" + host);
    }

    String contentType() {
        return headers.get(HttpHeaderNames.CONTENT_TYPE, "").toLowerCase(Locale.ROOT);
    }

    /** A name that stands in a path, as its owner writes it; one that is not well encoded stays as it is, and nobody is called so. */
    static String decoded(String part) {
        try {
            return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return part;
        }
    }

    /** Compared with known paths only, so nothing is decoded: an encoded slash stays a wrong path. */
    static String pathOf(String uri) {
        int query = uri.indexOf('?');
        return query < 0 ? uri : uri.substring(0, query);
    }

    private static String queryOf(String uri) {
        int query = uri.indexOf('?');
        return query < 0 ? "" : uri.substring(query + 1);
    }
}
