package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.walrelay.cache.WalCache;
import io.walrelay.protocol.codec.BackendEncoder;
import io.walrelay.protocol.codec.FrontendDecoder.Phase;
import io.walrelay.protocol.handshake.AuthenticationDecision;
import io.walrelay.protocol.handshake.ServerAction;
import io.walrelay.protocol.handshake.ServerHandshake;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.StartupRequest;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.console.ConsoleSettings;
import io.walrelay.proxy.console.ConsoleUser;
import io.walrelay.proxy.forward.ForwardedLogin;
import io.walrelay.proxy.forward.UpstreamAccess;
import io.walrelay.proxy.forward.UpstreamSession;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.proxy.state.UpstreamRelay;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out what {@link ServerHandshake} says on one connection, and puts a {@link ReplicationSession} or a {@link ForwardedSession} in
 * its place when it is over. Confined to the connection's event loop.
 */
final class HandshakeHandler extends ChannelInboundHandlerAdapter {

    private static final Logger log = LoggerFactory.getLogger(HandshakeHandler.class);

    /** First byte of a TLS record that holds a handshake. No startup packet begins with it: that would be 369 MB long. */
    private static final byte TLS_HANDSHAKE = 0x16;

    /** Puts a session in this handler's place. */
    private interface HandOver {
        void to(ChannelHandlerContext ctx);
    }

    private final ServerContext server;
    private final Entrance entrance;
    private final FrontendFrames frames;
    private final int pid;
    private @Nullable ServerHandshake handshake;
    private Optional<Diagnostic> refusedAfterwards = Optional.empty();
    private CompletionStage<Void> canceled = CompletableFuture.completedFuture(null);
    private @Nullable HandOver session;
    private @Nullable AuthenticationDecision proved;
    private @Nullable SessionKind admitted;
    private @Nullable StartupRequest startup;
    private boolean handedOver;

    HandshakeHandler(ServerContext server, FrontendFrames frames) {
        this.server = server;
        this.entrance = server.entrance();
        this.frames = frames;
        this.pid = server.nextPid();
    }

    /** Looks at the first byte of a connection and removes itself: direct TLS, or PostgreSQL's own protocol. */
    final class FirstByte extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            ByteBuf bytes = (ByteBuf) message;
            if (bytes.getByte(bytes.readerIndex()) != TLS_HANDSHAKE) {
                handshake = ServerHandshake.overPlaintext(entrance.handshake());
                ctx.fireChannelRead(bytes);
                ctx.pipeline().remove(this);
            } else if (entrance.tls().isPresent()) {
                ctx.pipeline().replace(this, null, entrance.tls().get().newHandler(ctx.alloc()));
                ctx.pipeline().fireChannelRead(bytes);
            } else {
                log.debug("{} began with TLS, which is not set up here", ctx.channel().remoteAddress());
                bytes.release();
                ctx.close();
            }
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        var timeout = ctx.executor().schedule(() -> timedOut(ctx), server.limits().authenticationTimeout().toMillis(), TimeUnit.MILLISECONDS);
        ctx.channel().closeFuture().addListener(_ -> {
            timeout.cancel(false);
            if (admitted != null) {
                server.leave(admitted);
            }
            server.disconnected();
        });
    }

    private void timedOut(ChannelHandlerContext ctx) {
        if (handedOver) {
            return;
        }
        ServerHandshake current = handshake;
        if (current == null || startup == null) {
            ctx.close(); // As PostgreSQL: nothing is said to somebody who said nothing.
        } else {
            perform(ctx, current.onRefusal(Refusals.AUTHENTICATION_TIMEOUT));
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        perform(ctx, current().onMessage((FrontendMessage) message));
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof SslHandshakeCompletionEvent completion) {
            if (completion.isSuccess()) {
                tlsStands(ctx);
            } else {
                log.debug("TLS with {} failed: {}", ctx.channel().remoteAddress(), String.valueOf(completion.cause()));
                ctx.close();
            }
        }
        ctx.fireUserEventTriggered(event);
    }

    private void tlsStands(ChannelHandlerContext ctx) {
        var transport = entrance.tls().orElseThrow().transport(ctx.pipeline().get(SslHandler.class));
        ServerHandshake current = handshake;
        if (current == null) {
            handshake = ServerHandshake.overDirectTls(entrance.handshake(), transport);
            perform(ctx, handshake.start());
        } else {
            perform(ctx, current.onTlsEstablished(transport));
        }
        frames.expect(ctx, Phase.OPENING);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ServerHandshake current = handshake;
        if (cause instanceof ProtocolViolation violation && current != null && !handedOver) {
            perform(ctx, current.onRefusal(violation.diagnostic()));
        } else {
            log.debug("connection from {} ended: {}", ctx.channel().remoteAddress(), ClientText.printable(cause.toString()));
            ctx.close();
        }
    }

    private void perform(ChannelHandlerContext ctx, List<ServerAction> actions) {
        for (ServerAction action : actions) {
            perform(ctx, action);
        }
        ctx.flush();
    }

    private void perform(ChannelHandlerContext ctx, ServerAction action) {
        switch (action) {
            case ServerAction.SendByte(var value) -> {
                ctx.write(ctx.alloc().buffer(1).writeByte(value));
                if (value == 'N') {
                    frames.expect(ctx, Phase.OPENING);
                }
            }
            case ServerAction.Send(var message) -> {
                if (message instanceof BackendMessage.ErrorResponse(var refusal)) {
                    log.info("refused {}: {}", SessionIdentity.client(network(ctx)), ClientText.printable(refusal.toString()));
                    note(ctx, refusal);
                }
                send(ctx, message);
            }
            case ServerAction.StartTls() -> startTls(ctx);
            case ServerAction.Cancel(var request) ->
                server.cancelKeys().find(request).ifPresentOrElse(
                        upstream -> canceled = server.upstream().cancel(upstream),
                        () -> log.debug("cancel request for session {}, which does nothing that can be canceled", request.processId()));
            case ServerAction.Admit(var request, var _) -> admit(ctx, request);
            case ServerAction.Authenticated(var request, var keys) -> begin(ctx, new ForwardedLogin(request, keys));
            case ServerAction.Finish _ -> handOver(ctx);
            case ServerAction.Close(var reason) -> {
                log.debug("connection from {} closed: {}", ctx.channel().remoteAddress(), ClientText.printable(reason));
                // Who asked to cancel takes the end of the connection for the end of the canceling.
                canceled.thenRun(() -> ctx.writeAndFlush(ctx.alloc().buffer(0)).addListener(ChannelFutureListener.CLOSE));
            }
        }
    }

    private void note(ChannelHandlerContext ctx, Diagnostic refusal) {
        StartupRequest request = startup;
        if (request != null && request.kind() == SessionKind.PHYSICAL_REPLICATION) {
            Instant now = server.state().clock().instant();
            server.state().refused().note(identity(ctx, pid, request).refused(now, Refusal.Reason.LOGIN, Optional.empty(), refusal));
        }
    }

    private void send(ChannelHandlerContext ctx, BackendMessage message) {
        ByteBuf out = ctx.alloc().buffer();
        BackendEncoder.encode(message, out);
        ctx.write(out);
        switch (message) {
            case BackendMessage.AuthenticationCleartextPassword _,
                    BackendMessage.AuthenticationMd5Password _,
                    BackendMessage.AuthenticationSasl _,
                    BackendMessage.AuthenticationSaslContinue _ -> frames.expect(ctx, Phase.AUTHENTICATION);
            default -> {}
        }
    }

    private void startTls(ChannelHandlerContext ctx) {
        if (frames.unread() > 0) {
            perform(ctx, current().onUnencryptedData());
            return;
        }
        ctx.flush();
        ctx.pipeline().addFirst(entrance.tls().orElseThrow().newHandler(ctx.alloc()));
    }

    private void admit(ChannelHandlerContext ctx, StartupRequest request) {
        startup = request;
        if (server.isStopping()) {
            perform(ctx, current().onRefusal(Refusals.SHUTTING_DOWN));
            return;
        }
        if (!server.tryAdmit(request.kind())) {
            perform(ctx, current().onRefusal(Refusals.tooManyClients(server.limits().maxSessions(request.kind()))));
            return;
        }
        admitted = request.kind();
        Authenticator.Client client = client(ctx);
        // What is sent ahead of the decision stays in the kernel.
        ctx.channel().config().setAutoRead(false);
        entrance.authenticator().decide(request, client).whenComplete((admission, failure) -> ctx.executor().execute(() -> {
            ctx.channel().config().setAutoRead(true);
            if (failure != null) {
                log.warn("could not decide how user \"{}\" from {} has to authenticate", ClientText.printable(request.user()), client.address(), failure);
                perform(ctx, current().onRefusal(Refusals.AUTHENTICATION_UNAVAILABLE));
            } else {
                refusedAfterwards = admission.afterwards();
                proved = admission.decision();
                perform(ctx, current().onDecision(admission.decision(), admission.unproved()));
            }
        }));
    }

    private Authenticator.Client client(ChannelHandlerContext ctx) {
        SslHandler tls = ctx.pipeline().get(SslHandler.class);
        return new Authenticator.Client(
                network(ctx).map(InetSocketAddress::getAddress),
                () -> PeerUser.of(ctx.channel(), server.blocking()),
                tls != null,
                tls == null ? Optional.empty() : ServerTls.clientCertificate(tls));
    }

    private void begin(ChannelHandlerContext ctx, ForwardedLogin login) {
        StartupRequest request = login.request();
        if (refusedAfterwards.isPresent()) {
            perform(ctx, current().onRefusal(refusedAfterwards.get()));
        } else if (request.kind() == SessionKind.PHYSICAL_REPLICATION) {
            perform(ctx, beginReplication(login));
        } else if (request.database().equals(ConsoleUser.DATABASE)) {
            beginConsole(ctx, request);
        } else {
            forward(ctx, login);
        }
    }

    private List<ServerAction> beginReplication(ForwardedLogin login) {
        StartupRequest request = login.request();
        Optional<UpstreamFacts> facts = server.state().facts();
        if (facts.isEmpty() || server.state().cache().isEmpty()) {
            return current().onRefusal(Refusals.NO_UPSTREAM_YET);
        }
        BackendKeyData key = newKey(pid, request);
        session = ctx -> {
            var replication = new ReplicationSession(server, server.state().cache().orElseThrow(), identity(ctx, pid, request), login, key, ctx.channel());
            ctx.pipeline().replace(this, null, replication);
            frames.expect(ctx.pipeline().context(frames), Phase.SESSION);
        };
        Map<String, String> parameters = SessionParameters.of(facts.get(), request);
        if (UpstreamRelay.isRelay(request.parameters())) {
            parameters.putAll(UpstreamRelay.answer(server.state()));
        }
        return current().onSessionReady(parameters, key);
    }

    /** Finds out first what the client may do, while what he sends ahead stays in the kernel. */
    private void beginConsole(ChannelHandlerContext ctx, StartupRequest request) {
        AuthenticationDecision decision = proved;
        if (request.kind() != SessionKind.ORDINARY || decision == null) {
            perform(ctx, current().onRefusal(Refusals.CONSOLE_REPLICATES_NOT));
            return;
        }
        ctx.channel().config().setAutoRead(false);
        SlotRights.of(entrance.authenticator(), request, client(ctx), decision).whenComplete((managesSlots, failure) -> ctx.executor().execute(() -> {
            if (ctx.isRemoved() || !ctx.channel().isActive()) {
                return; // The client did not wait for it, or was refused meanwhile.
            }
            ctx.channel().config().setAutoRead(true);
            if (failure != null) {
                log.warn("could not decide whether user \"{}\" may change slots", ClientText.printable(request.user()), failure);
            }
            perform(ctx, console(request, failure == null && managesSlots));
        }));
    }

    private List<ServerAction> console(StartupRequest request, boolean managesSlots) {
        Optional<UpstreamFacts> facts = server.state().facts();
        Optional<WalCache> cache = server.state().cache();
        if (facts.isEmpty() || cache.isEmpty()) {
            return current().onRefusal(Refusals.NO_UPSTREAM_YET);
        }
        session = ctx -> {
            SessionIdentity identity = identity(ctx, pid, request);
            ctx.pipeline().replace(this, null, new ConsoleHandler(server, cache.get(), identity, new ConsoleUser(identity.user(), managesSlots, pid), ctx.channel()));
            frames.expect(ctx.pipeline().context(frames), Phase.SESSION);
        };
        return current().onSessionReady(ConsoleSettings.reported(SessionParameters.of(facts.get(), request)), newKey(pid, request));
    }

    private void forward(ChannelHandlerContext ctx, ForwardedLogin login) {
        // What the client sends ahead stays in the kernel, until upstream is there to take it.
        ctx.channel().config().setAutoRead(false);
        server.upstream().logIn(login, ctx.channel().eventLoop(), new UpstreamAccess.Arrival() {
            @Override
            public ChannelHandler arrived(UpstreamSession upstream) {
                return HandshakeHandler.this.arrived(ctx, login.request(), upstream);
            }

            @Override
            public void refused(Diagnostic why) {
                if (!handedOver) {
                    ctx.channel().config().setAutoRead(true);
                    perform(ctx, current().onRefusal(why));
                }
            }
        });
    }

    private ChannelHandler arrived(ChannelHandlerContext ctx, StartupRequest request, UpstreamSession upstream) {
        BackendKeyData key = upstream.login().key().orElseGet(() -> newKey(pid, request));
        ForwardedSession forwarded = new ForwardedSession(server, identity(ctx, key.processId(), request), key, ctx.channel(), upstream);
        session = own -> {
            forwarded.begin(ClientText.printable(request.database()));
            own.pipeline().replace(this, null, forwarded.clientEnd());
            own.pipeline().remove(frames);
        };
        List<ServerAction> ready = ctx.isRemoved() || !ctx.channel().isActive()
                ? List.of()
                : current().onSessionReady(upstream.login().parameters(), key);
        if (ready.isEmpty()) {
            // The client did not wait for it, or was refused meanwhile.
            var _ = upstream.channel().close();
        } else {
            upstream.notices().forEach(notice -> send(ctx, new BackendMessage.NoticeResponse(notice)));
            perform(ctx, ready);
        }
        return forwarded.upstreamEnd();
    }

    private BackendKeyData newKey(int process, StartupRequest request) {
        byte[] key = new byte[request.cancelKeyLength()];
        entrance.handshake().random().nextBytes(key);
        return new BackendKeyData(process, new SecretKey(Secret.of(key)));
    }

    private static SessionIdentity identity(ChannelHandlerContext ctx, int process, StartupRequest request) {
        return SessionIdentity.of(process, request, network(ctx));
    }

    /** Where the client is; empty when it came by the Unix-domain socket. */
    private static Optional<InetSocketAddress> network(ChannelHandlerContext ctx) {
        return ctx.channel().remoteAddress() instanceof InetSocketAddress address ? Optional.of(address) : Optional.empty();
    }

    private void handOver(ChannelHandlerContext ctx) {
        HandOver next = session;
        if (next == null) {
            throw new IllegalStateException("a handshake that is over without a session");
        }
        handedOver = true;
        next.to(ctx);
    }

    private ServerHandshake current() {
        ServerHandshake known = handshake;
        if (known == null) {
            throw new IllegalStateException("a message before the first byte was looked at");
        }
        return known;
    }
}
