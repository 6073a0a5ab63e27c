package io.walrelay.proxy.forward;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.walrelay.protocol.handshake.ClientAction;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.conninfo.HostAddress;
import java.net.SocketAddress;
import java.util.List;

/**
 * A session on the upstream that a client has for itself, logged in.
 *
 * @param address of the very server: where a request to cancel has to go
 * @param encrypted whether it runs over TLS
 * @param notices what the server said besides while it logged in
 */
public record UpstreamSession(
        HostAddress host, Channel channel, SocketAddress address, boolean encrypted, ClientAction.Connected login, List<Diagnostic> notices) {

    public UpstreamSession {
        notices = List.copyOf(notices);
    }

    /** Of a channel whose handshake is over. On its event loop. */
    public static UpstreamSession of(HostAddress host, Channel channel, ClientAction.Connected login, List<Diagnostic> notices) {
        boolean encrypted = channel.pipeline().get(SslHandler.class) != null;
        return new UpstreamSession(host, channel, channel.remoteAddress(), encrypted, login, notices);
    }
}
