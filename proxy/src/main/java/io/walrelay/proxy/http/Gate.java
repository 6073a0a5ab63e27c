package io.walrelay.proxy.http;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.ssl.SslHandler;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.function.Supplier;

/** What is answered before anybody looks what a request wants: not from you, no such path, not in this way. */
final class Gate {

    private final Supplier<Access> access;

    /** @param access as it is at each request */
    Gate(Supplier<Access> access) {
        this.access = access;
    }

    /** Why a request is not answered; empty when it is. */
    Optional<Reply> refuse(ChannelHandlerContext context, HttpRequest request) {
        String path = Call.pathOf(request.uri());
        Optional<Endpoint> endpoint = Endpoint.at(path);
        if (endpoint.map(Endpoint::audience).orElse(Endpoint.Audience.THE_ADMITTED) == Endpoint.Audience.THE_ADMITTED) {
            switch (access.get().decide(evidence(context, request))) {
                case Access.Decision.Granted() -> {}
                case Access.Decision.Unknown(String reason) -> {
                    Reply reply = Reply.error(HttpResponseStatus.UNAUTHORIZED, path, reason);
                    return Optional.of(reply.with("www-authenticate", "Bearer realm=\"walrelay\""));
                }
                case Access.Decision.Forbidden(String reason) -> {
                    return Optional.of(Reply.error(HttpResponseStatus.FORBIDDEN, path, reason));
                }
            }
        }
        if (endpoint.isEmpty()) {
            return Optional.of(Reply.error(HttpResponseStatus.NOT_FOUND, path, "nothing at this path; expected one of " + Endpoint.paths()));
        }
        if (!endpoint.get().takes(request.method())) {
            String allowed = endpoint.get().allow();
            String text = "method %s is not for this path; expected %s".formatted(request.method(), allowed);
            return Optional.of(Reply.error(HttpResponseStatus.METHOD_NOT_ALLOWED, path, text).with("allow", allowed));
        }
        return Optional.empty();
    }

    private static Access.Request evidence(ChannelHandlerContext context, HttpRequest request) {
        boolean changes = !request.method().equals(HttpMethod.GET) && !request.method().equals(HttpMethod.HEAD);
        boolean loopback = context.channel().remoteAddress() instanceof InetSocketAddress peer && peer.getAddress().isLoopbackAddress();
        SslHandler tls = context.pipeline().get(SslHandler.class);
        return new Access.Request(
                changes,
                loopback,
                Optional.ofNullable(request.headers().get(HttpHeaderNames.HOST)),
                Optional.ofNullable(request.headers().get(HttpHeaderNames.AUTHORIZATION)),
                tls != null && HttpTls.certified(tls));
    }
}
