package io.walrelay.proxy.standby;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyBothResponse;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Column;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.proxy.forward.ForwardedLogin;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.wal.TimelineId;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One session of physical replication, from ReadyForQuery to its end (walsender.c): what comes goes to its {@link CommandPhase}, to a
 * {@link WalSender} while it streams, or upstream while its {@link Delegation} runs a command there. Confined to its connection's event loop.
 */
final class ReplicationSession extends ChannelInboundHandlerAdapter implements StreamOwner, CommandPhase.Session, ServerSession {

    private final ServerContext server;
    private final WalCache cache;
    private final SessionIdentity identity;
    private final Channel channel;
    private final StandbyProgress progress;
    private final SessionLog log;
    private final Answers answers;
    private final CommandQueue queue;
    private final Delegation delegation;
    private final CommandPhase commands;
    private final SlotUse slot;
    private @Nullable WalSender sender;

    /**
     * @param login how it logged in, for a session upstream
     * @param key what the client was given to cancel with
     */
    ReplicationSession(
            ServerContext server, WalCache cache, SessionIdentity identity, ForwardedLogin login, BackendKeyData key, Channel channel) {
        this.server = server;
        this.cache = cache;
        this.identity = identity;
        this.channel = channel;
        this.progress = new StandbyProgress(identity, server.state().clock().instant(), server.state().writtenTimes());
        this.log = new SessionLog(identity, server.repeats());
        this.answers = new Answers(channel);
        this.queue = new CommandQueue(channel, server.blocking(), this::handle, () -> sender != null);
        this.delegation = new Delegation(server, login, key, channel, answers, queue, this);
        this.commands = new CommandPhase(cache, () -> server.state().facts().orElseThrow(), identity.pid(), answers, queue, this, delegation);
        this.slot = new SlotUse(cache, server.state().events(), server.state().feedback(), server.blocking(), identity);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        server.sessions().add(this);
        server.state().standbys().join(identity.pid(), progress::look);
        channel.closeFuture().addListener(_ -> ended());
        log.authorized();
        if (server.isStopping()) {
            stop();
        }
    }

    private void ended() {
        // A relay looks at all its hosts, and follows one of them.
        if (!identity.relay() && commands.wasOnlyLookedAt()) {
            server.state().visits().note(identity.visit(server.state().clock().instant()));
        }
        queue.close();
        delegation.close();
        dropSender();
        slot.sessionEnded();
        server.state().standbys().leave(identity.pid());
        server.sessions().remove(this);
        log.disconnected();
    }

    private void dropSender() {
        WalSender streaming = sender;
        if (streaming != null) {
            streaming.close();
            sender = null;
            log.streamEnds(log.whyOver(), progress.look());
        }
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
        WalSender streaming = sender;
        if (streaming != null && channel.isWritable()) {
            streaming.resume();
        }
        delegation.clientWritable(channel.isWritable());
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
        try {
            WalSender streaming = sender;
            if (streaming != null) {
                inCopy(streaming, message);
            } else {
                commands.handle(message);
            }
        } catch (ProtocolViolation violation) {
            endWith(violation.diagnostic());
        }
    }

    /** As walsender.c, ProcessRepliesIfAny. */
    private void inCopy(WalSender streaming, FrontendMessage message) {
        switch (message) {
            case FrontendMessage.CopyData(var data) -> streaming.onReply(data);
            case FrontendMessage.CopyDone() -> streaming.onCopyDone();
            case FrontendMessage.Terminate() -> hangUp("terminated by the client");
            case FrontendMessage.Opening _, FrontendMessage.AuthenticationResponse _ ->
                throw new ProtocolViolation("a message of the handshake after its end");
            case FrontendMessage.Query _ -> throw invalidStandbyMessage('Q');
            case FrontendMessage.CopyFail _ -> throw invalidStandbyMessage('f');
            case FrontendMessage.Sync() -> throw invalidStandbyMessage('S');
            case FrontendMessage.Flush() -> throw invalidStandbyMessage('H');
            case FrontendMessage.Extended(var type, var body) -> {
                body.release();
                throw invalidStandbyMessage(type);
            }
        }
    }

    private static ProtocolViolation invalidStandbyMessage(int type) {
        return new ProtocolViolation("invalid standby message type \"%c\"".formatted(type));
    }

    @Override
    public void start(ReplicationCommand.StartPhysical command) throws SlotException {
        delegation.close();
        if (command.slot().isPresent()) {
            acquire(command, command.slot().get());
        }
        switch (StreamStart.decide(cache.end(), command, cache::orphanAt)) {
            case StreamStart.Refuse(var why) -> {
                note(Refusal.Reason.DIVERGED, why, Optional.of(new Refusal.Reached(timeline(command), command.start())));
                log.refused(command, timeline(command), why);
                slot.release();
                answers.refuse(why);
            }
            case StreamStart.Over(var end) -> streamEnded(Optional.of(end));
            case StreamStart.Stream request -> stream(request);
        }
    }

    private void acquire(ReplicationCommand.StartPhysical command, String name) throws SlotException {
        try {
            slot.acquire(name, command.start());
        } catch (SlotException e) {
            log.refused(command, timeline(command), e.diagnostic());
            server.state().refused().note(identity.refused(server.state().clock().instant(), Refusal.Reason.SLOT, Optional.of(name), e.diagnostic()));
            throw e;
        }
    }

    private TimelineId timeline(ReplicationCommand.StartPhysical command) {
        return command.timeline().orElse(cache.end().lineage().timeline());
    }

    private void note(Refusal.Reason reason, Diagnostic why, Optional<Refusal.Reached> reached) {
        server.state().refused().note(identity.refused(server.state().clock().instant(), reason, slot.name(), why, reached));
    }

    private void stream(StreamStart.Stream request) {
        slot.startsAt(request.start());
        progress.begin(slot.name(), request.lineage().timeline());
        server.state().refused().streams(identity.shownName());
        server.state().visits().streams(identity.shownName());
        log.streams(request, slot.name());
        answers.write(new CopyBothResponse());
        answers.flush();
        WalSender streaming = new WalSender(server, cache, channel, progress, slot, this, request);
        sender = streaming;
        streaming.start();
        queue.readWhenAble();
    }

    @Override
    public void streamEnded(Optional<Course.EndsAt> end) {
        backToCommands(end.map(historic -> "timeline %s follows from %s on".formatted(historic.next(), historic.end())).orElse("the client ended it"));
        if (end.isPresent()) {
            answers.write(new RowDescription(List.of(Column.int8("next_tli"), Column.text("next_tli_startpos"))));
            answers.write(new DataRow(List.of(end.get().next().toString(), end.get().end().toString())));
        }
        answers.write(new CommandComplete("START_STREAMING"));
        if (server.isStopping()) {
            // It would ask for the next timeline, and that stream would not know that it has to come to an end.
            endWith(Refusals.ADMIN_SHUTDOWN);
            return;
        }
        // Twice: libpqwalreceiver and pg_receivewal wait for the second.
        answers.finish(List.of(new CommandComplete("START_REPLICATION")));
        answers.flush();
    }

    @Override
    public void streamFailed(Refusal.Reason reason, Diagnostic why, Optional<Refusal.Reached> reached) {
        note(reason, why, reached);
        backToCommands(why.message());
        server.state().events().warning(
                "standby-refused", "standby \"%s\" from %s: %s".formatted(identity.shownName(), identity.client(), why));
        if (server.isStopping()) {
            endWith(Refusals.ADMIN_SHUTDOWN);
            return;
        }
        answers.refuse(why);
        answers.flush();
    }

    @Override
    public void streamDrained() {
        log.isOver("the relay stops");
        backToCommands("the relay stops");
        answers.write(new CommandComplete("COPY 0"));
        close();
    }

    @Override
    public void hangUp(String reason) {
        log.isOver(reason);
        queue.close();
        channel.close();
    }

    private void backToCommands(String reason) {
        if (sender != null) {
            sender = null;
            log.streamEnds(reason, progress.look());
        }
        progress.become(StandbyStatus.State.STARTUP, reason);
        slot.release();
        progress.end();
        queue.readWhenAble();
    }

    @Override
    public void stop() {
        WalSender streaming = sender;
        if (streaming != null) {
            streaming.stop();
        } else {
            endWith(Refusals.ADMIN_SHUTDOWN);
        }
    }

    @Override
    public void upstreamIs(String host) {
        delegation.upstreamIs(host);
    }

    @Override
    public void terminate() {
        endWith(Refusals.ADMIN_SHUTDOWN);
    }

    @Override
    public Channel channel() {
        return channel;
    }

    private void endWith(Diagnostic fatal) {
        if (queue.isClosed()) {
            return;
        }
        log.isOver(fatal.toString());
        dropSender();
        // Before the client has read why: who reads nothing must not keep others from it.
        slot.release();
        if (!delegation.isInsideMessage()) {
            answers.write(new ErrorResponse(fatal));
        }
        delegation.close();
        close();
    }

    private void close() {
        queue.close();
        answers.close();
    }
}
