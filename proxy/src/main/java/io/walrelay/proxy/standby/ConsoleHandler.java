package io.walrelay.proxy.standby;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.walrelay.cache.WalCache;
import io.walrelay.protocol.codec.ExtendedQueryCodec;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.ExtendedQuery;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.console.ConsoleSession;
import io.walrelay.proxy.console.ConsoleSettings;
import io.walrelay.proxy.console.ConsoleUser;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A {@link ConsoleSession} on its connection. What it is asked it answers elsewhere, since a slot function waits for the disk. Confined to its event loop. */
final class ConsoleHandler extends ChannelInboundHandlerAdapter implements ServerSession {

    private static final Logger log = LoggerFactory.getLogger(ConsoleHandler.class);

    private interface Question {
        List<BackendMessage> answer();
    }

    private final ServerContext server;
    private final WalCache cache;
    private final SessionIdentity identity;
    private final Channel channel;
    private final Answers answers;
    private final CommandQueue queue;
    private final ConsoleSession session;

    ConsoleHandler(ServerContext server, WalCache cache, SessionIdentity identity, ConsoleUser user, Channel channel) {
        this.server = server;
        this.cache = cache;
        this.identity = identity;
        this.channel = channel;
        this.answers = new Answers(channel);
        this.queue = new CommandQueue(channel, server.console(), this::handle, () -> false);
        this.session = ConsoleSession.of(
                server.state(), cache, () -> server.state().facts().orElseThrow(), user, new ConsoleSettings(identity.applicationName()));
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        server.sessions().add(this);
        channel.closeFuture().addListener(_ -> ended());
        log.info("console connection authorized: user={} application_name={} client={} pid={}",
                identity.user(), identity.applicationName(), identity.client(), identity.pid());
        if (server.isStopping()) {
            stop();
        }
    }

    private void ended() {
        queue.close();
        cache.slots().sessionEnded(identity.pid());
        server.sessions().remove(this);
        log.info("disconnection: user={} application_name={} client={} pid={}",
                identity.user(), identity.applicationName(), identity.client(), identity.pid());
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        queue.offer((FrontendMessage) message);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        ctx.flush();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        queue.readWhenAble();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof ProtocolViolation violation) {
            endWith(violation.diagnostic());
        } else {
            hangUp(String.valueOf(cause));
        }
    }

    private void handle(FrontendMessage message) {
        switch (message) {
            case FrontendMessage.Query(var sql) -> ask(() -> session.query(sql));
            case FrontendMessage.Sync() -> ask(session::sync);
            case FrontendMessage.Extended extended -> extended(extended);
            case FrontendMessage.Flush() -> answers.flush();
            case FrontendMessage.Terminate() -> hangUp("terminated by the client");
            // The rest of a COPY that there never was: the manual tells servers to drop it.
            case FrontendMessage.CopyData(var data) -> data.release();
            case FrontendMessage.CopyDone _, FrontendMessage.CopyFail _ -> {}
            case FrontendMessage.Opening _, FrontendMessage.AuthenticationResponse _ ->
                endWith(new ProtocolViolation("a message of the handshake after its end").diagnostic());
        }
    }

    private void extended(FrontendMessage.Extended message) {
        try {
            ExtendedQuery query = ExtendedQueryCodec.decode(message);
            ask(() -> session.extended(query));
        } catch (ProtocolViolation violation) {
            ask(() -> session.broken(violation.diagnostic()));
        } finally {
            message.body().release();
        }
    }

    private void ask(Question question) {
        queue.work(question::answer, answer -> {
            if (queue.isClosed()) {
                // A temporary slot may have been made after the session's end had let go of all that it owned.
                cache.slots().sessionEnded(identity.pid());
            } else {
                answer.forEach(answers::write);
            }
        });
    }

    private void hangUp(String reason) {
        log.info("session {} of \"{}\" at {} ends: {}", identity.pid(), identity.shownName(), identity.client(), ClientText.printable(reason));
        queue.close();
        channel.close();
    }

    private void endWith(Diagnostic fatal) {
        if (!queue.isClosed()) {
            log.info("session {} of \"{}\" at {} ends: {}", identity.pid(), identity.shownName(), identity.client(), ClientText.printable(fatal.toString()));
            queue.close();
            answers.write(new ErrorResponse(fatal));
            answers.close();
        }
    }

    @Override
    public Channel channel() {
        return channel;
    }

    @Override
    public void stop() {
        terminate();
    }

    @Override
    public void upstreamIs(String host) {
        // The console is the relay's own: it stays.
    }

    @Override
    public void terminate() {
        endWith(Refusals.ADMIN_SHUTDOWN);
    }
}
