package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.ssl.SslHandler;
import io.walrelay.protocol.codec.BackendDecoder;
import io.walrelay.protocol.codec.BackendLimits;
import io.walrelay.protocol.handshake.ClientAction;
import io.walrelay.protocol.handshake.ClientFailure;
import io.walrelay.protocol.handshake.ClientHandshake;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.servers.TlsClient;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Drives a {@link ClientHandshake}, and puts the session's own handler in its place when that is over: whatever the server sends next is
 * that one's. Confined to its channel's event loop, but for {@link #outcome} and {@link #giveUp}.
 */
final class LoginHandler extends ByteToMessageDecoder {

    private static final Logger log = LoggerFactory.getLogger(LoginHandler.class);

    /** Users can make a server say things at each login. */
    private static final int MOST_NOTICES = 20;

    /** What became of a handshake. */
    sealed interface Outcome {
        record Connected(ClientAction.Connected session) implements Outcome {}

        record CancelSent() implements Outcome {}

        record Failed(ClientFailure failure) implements Outcome {}
    }

    /** Whose the session is once it stands. Called on the event loop. */
    interface Successor {
        /** @param notices what the server said meanwhile besides */
        ChannelHandler of(Channel channel, ClientAction.Connected session, List<Diagnostic> notices);
    }

    private final HostAddress host;
    private final TlsClient tls;
    private final ClientHandshake handshake;
    private final Successor successor;
    private final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    /** Set by who comes first: the session that stands, or the caller who waits for it no longer. */
    private final AtomicBoolean settled = new AtomicBoolean();
    private final BackendDecoder decoder = new BackendDecoder(BackendLimits.DEFAULT);
    private final List<Diagnostic> notices = new ArrayList<>();

    LoginHandler(HostAddress host, TlsClient tls, ClientHandshake handshake, Successor successor) {
        this.host = host;
        this.tls = tls;
        this.handshake = handshake;
        this.successor = successor;
    }

    /** How the handshake ended; an {@link UpstreamException} when the connection broke. */
    CompletableFuture<Outcome> outcome() {
        return outcome;
    }

    /**
     * Lets no session come of the handshake any more.
     *
     * @return false when one has come: then {@link #outcome} says so, now or any moment
     */
    boolean giveUp() {
        return settled.compareAndSet(false, true);
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        act(context, handshake.start());
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
        if (outcome.isDone()) {
            in.skipBytes(in.readableBytes());
            return;
        }
        if (handshake.awaitsSslAnswer()) {
            byte answer = in.readByte();
            act(context, handshake.onSslAnswer(answer, in.isReadable()));
            return;
        }
        try {
            BackendMessage message = decoder.decode(in);
            if (message != null) {
                act(context, handshake.onMessage(message));
            }
        } catch (ProtocolViolation violation) {
            in.skipBytes(in.readableBytes());
            broke(context, violation);
        }
    }

    private void act(ChannelHandlerContext context, List<ClientAction> actions) {
        for (ClientAction action : actions) {
            switch (action) {
                case ClientAction.Send(var message) -> Outbound.send(context.channel(), message);
                case ClientAction.StartTls() -> startTls(context);
                case ClientAction.Notice(var diagnostic) -> {
                    if (notices.size() < MOST_NOTICES) {
                        log.info("{}: {}", host, ClientText.printable(diagnostic.toString()));
                        notices.add(diagnostic);
                    }
                }
                case ClientAction.Connected _ when !settled.compareAndSet(false, true) ->
                    broke(context, new UpstreamException("nobody waits for the session any more"));
                case ClientAction.Connected session -> {
                    context.pipeline().replace(this, null, successor.of(context.channel(), session, notices));
                    outcome.complete(new Outcome.Connected(session));
                }
                case ClientAction.CancelSent() -> outcome.complete(new Outcome.CancelSent());
                case ClientAction.Fail(var failure) -> {
                    outcome.complete(new Outcome.Failed(failure));
                    var _ = context.close();
                }
            }
        }
    }

    private void startTls(ChannelHandlerContext context) {
        SslHandler ssl = tls.handler(context.alloc(), host);
        context.pipeline().addFirst(ssl);
        var _ = ssl.handshakeFuture().addListener(done -> {
            if (!outcome.isDone()) {
                act(context, done.isSuccess() ? handshake.onTlsEstablished(TlsClient.transport(ssl)) : handshake.onTlsFailed("SSL error: " + tls.reason(done.cause())));
            }
        });
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) throws Exception {
        outcome.completeExceptionally(new UpstreamException("server closed the connection unexpectedly"));
        super.channelInactive(context);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        broke(context, cause);
    }

    private void broke(ChannelHandlerContext context, Throwable cause) {
        if (!(cause instanceof ProtocolViolation) && !(cause instanceof IOException)) {
            log.error("{}: failure in the connection", host, cause);
        }
        outcome.completeExceptionally(new UpstreamException(String.valueOf(cause.getMessage()), cause));
        var _ = context.close();
    }
}
