package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.protocol.codec.BackendEncoder;
import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.command.ReplicationCommandParser;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyBothResponse;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.EmptyQueryResponse;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Column;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.TransactionStatus;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One session of physical replication, from ReadyForQuery to its end (walsender.c, exec_replication_command): answers
 * commands, and while it streams hands what comes to a {@link WalSender}. After an ERROR it goes on. Confined to its
 * connection's event loop.
 */
final class ReplicationSession extends ChannelInboundHandlerAdapter implements WalSender.Owner {

    private static final Logger log = LoggerFactory.getLogger(ReplicationSession.class);

    /** How often DROP_REPLICATION_SLOT … WAIT looks whether the slot is free. */
    private static final long SLOT_POLL_MILLIS = 100;

    /** The work behind a command; may wait for the disk. */
    private interface Work {
        List<BackendMessage> answer() throws SlotException, IOException;
    }

    private final ServerContext server;
    private final WalCache cache;
    private final SessionIdentity identity;
    private final Channel channel;
    private final StandbyProgress progress;
    private final ReplicationCommands commands;
    /** What came while a command was at work. */
    private final Queue<FrontendMessage> waiting = new ArrayDeque<>();

    private boolean working;
    private boolean skipToSync;
    private boolean closed;
    private @Nullable WalSender sender;
    private @Nullable String slot;

    ReplicationSession(ServerContext server, WalCache cache, SessionIdentity identity, Channel channel) {
        this.server = server;
        this.cache = cache;
        this.identity = identity;
        this.channel = channel;
        this.progress = new StandbyProgress(identity, server.state().clock().instant());
        this.commands = new ReplicationCommands(cache, server.state().facts().orElseThrow(), identity.pid());
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        server.sessions().add(this);
        server.state().standbys().join(identity.pid(), progress::look);
        channel.closeFuture().addListener(_ -> ended());
        log.info("replication connection authorized: user={} application_name={} client={} pid={}",
                identity.user(), identity.applicationName(), identity.client(), identity.pid());
        if (server.isStopping()) {
            stop();
        }
    }

    private void ended() {
        closed = true;
        WalSender streaming = sender;
        if (streaming != null) {
            streaming.close();
            sender = null;
        }
        cache.slots().sessionEnded(identity.pid());
        server.state().standbys().leave(identity.pid());
        server.sessions().remove(this);
        waiting.forEach(ReplicationSession::release);
        waiting.clear();
        log.info("disconnection: user={} client={} pid={}", identity.user(), identity.client(), identity.pid());
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (closed) {
            release((FrontendMessage) message);
        } else if (working) {
            waiting.add((FrontendMessage) message);
        } else {
            handle((FrontendMessage) message);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        ctx.flush();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        WalSender streaming = sender;
        if (streaming != null) {
            if (channel.isWritable()) {
                streaming.resume();
            }
        } else {
            // Who does not read his answers may not ask more.
            readWhenAble();
        }
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
                inCommands(message);
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
            case FrontendMessage.Opening _, FrontendMessage.AuthenticationResponse _ -> unexpected();
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

    private static void unexpected() {
        throw new ProtocolViolation("a message of the handshake after its end");
    }

    private void inCommands(FrontendMessage message) {
        switch (message) {
            case FrontendMessage.Query(var sql) -> {
                if (!skipToSync) {
                    query(sql);
                }
            }
            case FrontendMessage.Terminate() -> hangUp("terminated by the client");
            case FrontendMessage.Sync() -> {
                skipToSync = false;
                write(new ReadyForQuery(TransactionStatus.IDLE));
            }
            case FrontendMessage.Flush() -> channel.flush();
            case FrontendMessage.Extended(var type, var body) -> {
                body.release();
                extended(type);
            }
            // The rest of a COPY that has failed: the manual tells servers to drop it.
            case FrontendMessage.CopyData(var data) -> data.release();
            case FrontendMessage.CopyDone _, FrontendMessage.CopyFail _ -> {}
            case FrontendMessage.Opening _, FrontendMessage.AuthenticationResponse _ -> unexpected();
        }
    }

    private void extended(byte type) {
        if (skipToSync) {
            return;
        }
        if (type == 'F') {
            write(new ErrorResponse(Refusals.NO_FASTPATH));
            write(new ReadyForQuery(TransactionStatus.IDLE));
        } else {
            skipToSync = true;
            write(new ErrorResponse(Refusals.NO_EXTENDED_QUERY));
        }
    }

    private void query(String sql) {
        if (sql.isBlank()) {
            finish(List.of(new EmptyQueryResponse()));
            return;
        }
        try {
            switch (ReplicationCommandParser.parse(sql)) {
                case ReplicationCommand.IdentifySystem() -> finish(commands.identifySystem());
                case ReplicationCommand.Show(var name) -> finish(commands.show(name));
                case ReplicationCommand.ReadTimelineHistory command -> work(() -> commands.timelineHistory(command));
                case ReplicationCommand.StartPhysical command -> start(command);
                case ReplicationCommand.CreatePhysicalSlot command -> work(() -> commands.createSlot(command));
                case ReplicationCommand.DropSlot(var name, var wait) -> dropSlot(name, wait);
                case ReplicationCommand.AlterSlot(var name, var _) -> refuse(commands.alterSlot(name));
                case ReplicationCommand.ReadSlot(var name) -> finish(commands.readSlot(name));
                case ReplicationCommand.ServerOnly(var keyword, var _) -> refuse(Refusals.serverOnly(keyword));
                case ReplicationCommand.Sql _ -> refuse(Refusals.NO_SQL);
            }
        } catch (CommandError error) {
            refuse(error.diagnostic());
        } catch (SlotException e) {
            refuse(e.diagnostic());
        }
    }

    private void dropSlot(String name, boolean wait) {
        boolean inUse = cache.slots()
                .find(name)
                .map(Slot::activePid)
                .filter(pid -> pid.isPresent() && pid.getAsInt() != identity.pid())
                .isPresent();
        if (wait && inUse) {
            pause();
            channel.eventLoop().schedule(() -> {
                if (!closed) {
                    working = false;
                    dropSlot(name, true);
                }
            }, SLOT_POLL_MILLIS, TimeUnit.MILLISECONDS);
        } else {
            work(() -> commands.dropSlot(name));
        }
    }

    /** Does what waits for the disk elsewhere; what the client sends meanwhile has to wait, too. */
    private void work(Work work) {
        pause();
        server.blocking().execute(() -> {
            List<BackendMessage> answer;
            Optional<Diagnostic> refusal = Optional.empty();
            try {
                answer = work.answer();
            } catch (CommandError e) {
                answer = List.of();
                refusal = Optional.of(e.diagnostic());
            } catch (SlotException e) {
                answer = List.of();
                refusal = Optional.of(e.diagnostic());
            } catch (IOException e) {
                log.error("could not carry out a replication command for {}", identity.client(), e);
                answer = List.of();
                refusal = Optional.of(Diagnostic.error("58030", "the relay's disk failed: %s".formatted(e.getMessage())));
            }
            List<BackendMessage> messages = refusal.<List<BackendMessage>>map(d -> List.of(new ErrorResponse(d))).orElse(answer);
            channel.eventLoop().execute(() -> worked(messages));
        });
    }

    private void pause() {
        working = true;
        channel.config().setAutoRead(false);
    }

    private void worked(List<BackendMessage> answer) {
        if (closed) {
            // A temporary slot may have been made after the session's end had let go of all that it owned.
            cache.slots().sessionEnded(identity.pid());
            return;
        }
        working = false;
        finish(answer);
        channel.flush();
        FrontendMessage next;
        while (!working && !closed && (next = waiting.poll()) != null) {
            handle(next);
        }
        readWhenAble();
        channel.flush();
    }

    private void readWhenAble() {
        channel.config().setAutoRead(!working && (sender != null || channel.isWritable()));
    }

    /** As walsender.c, StartReplication. */
    private void start(ReplicationCommand.StartPhysical command) throws SlotException {
        EndOfWal end = cache.end();
        TimelineId own = end.lineage().timeline();
        TimelineId timeline = command.timeline().orElse(own);
        if (command.slot().isPresent()) {
            Slot acquired = cache.slots().acquire(command.slot().get(), identity.pid());
            slot = acquired.name();
            warnWhenFedElsewhere(acquired, command.start());
        }
        if (!end.lineage().contains(timeline)) {
            refuse(Refusals.unknownTimeline(timeline, own, cache.orphanAt(timeline, command.start())));
            return;
        }
        TimelineHistory lineage = end.lineage().upTo(timeline);
        switch (Course.of(lineage, end.lineage(), command.start())) {
            case Course.Parted(var fork) -> refuse(Refusals.notInHistory(
                    timeline, command.start(), fork, cache.orphanAt(timeline, command.start())));
            case Course.EndsAt ends when command.start().isAtLeast(ends.end()) -> streamEnded(Optional.of(ends));
            case Course.EndsAt ends -> stream(command.start(), lineage, Optional.of(ends));
            case Course.Open() -> stream(command.start(), lineage, Optional.empty());
        }
    }

    private void warnWhenFedElsewhere(Slot acquired, Lsn start) {
        Lsn furthest = acquired.furthestSent();
        // Receivers ask from the start of a segment, so anything past its end was not sent by us.
        if (furthest.isValid() && start.isAfter(furthest)) {
            server.state().events().warning(
                    "standby-ahead-of-slot",
                    "standby \"%s\" asks for WAL from %s, but slot \"%s\" was never sent more than %s: it got the rest elsewhere; make sure that it is of the same history"
                            .formatted(identity.shownName(acquired.name()), start, acquired.name(), furthest));
        }
    }

    private void stream(Lsn from, TimelineHistory lineage, Optional<Course.EndsAt> end) {
        progress.begin(slot, lineage.timeline());
        write(new CopyBothResponse());
        channel.flush();
        var streaming = new WalSender(
                server, cache, channel, progress, this, new WalSender.StreamRequest(from, lineage, end, Optional.ofNullable(slot)));
        sender = streaming;
        streaming.start();
    }

    @Override
    public void streamEnded(Optional<Course.EndsAt> end) {
        backToCommands("the stream has ended");
        if (end.isPresent()) {
            write(new RowDescription(List.of(Column.int8("next_tli"), Column.text("next_tli_startpos"))));
            write(new DataRow(List.of(end.get().next().toString(), end.get().end().toString())));
        }
        write(new CommandComplete("START_STREAMING"));
        // Twice: libpqwalreceiver and pg_receivewal wait for the second.
        finish(List.of(new CommandComplete("START_REPLICATION")));
        channel.flush();
    }

    @Override
    public void streamFailed(Diagnostic why) {
        backToCommands(why.message());
        server.state().events().warning(
                "standby-refused", "standby \"%s\" from %s: %s".formatted(identity.shownName(null), identity.client(), why));
        refuse(why);
        channel.flush();
    }

    @Override
    public void streamDrained() {
        sender = null;
        write(new CommandComplete("COPY 0"));
        close();
    }

    @Override
    public void hangUp(String reason) {
        log.info("session {} of {} ends: {}", identity.pid(), identity.client(), reason);
        closed = true;
        channel.close();
    }

    private void backToCommands(String reason) {
        sender = null;
        progress.become(StandbyStatus.State.STARTUP, reason);
        releaseSlot();
    }

    private void releaseSlot() {
        String used = slot;
        if (used != null) {
            slot = null;
            cache.slots().release(used, identity.pid());
        }
        progress.end();
    }

    /** Lets the session go, after it has got what there is. On the event loop. */
    void stop() {
        WalSender streaming = sender;
        if (streaming != null) {
            streaming.stop();
        } else {
            endWith(Refusals.ADMIN_SHUTDOWN);
        }
    }

    /** Ends the session now, on the event loop. */
    void terminate() {
        endWith(Refusals.ADMIN_SHUTDOWN);
    }

    Channel channel() {
        return channel;
    }

    private void refuse(Diagnostic why) {
        releaseSlot();
        finish(List.of(new ErrorResponse(why)));
    }

    private void finish(List<BackendMessage> answer) {
        answer.forEach(this::write);
        write(new ReadyForQuery(TransactionStatus.IDLE));
    }

    private void endWith(Diagnostic fatal) {
        if (closed) {
            return;
        }
        WalSender streaming = sender;
        if (streaming != null) {
            streaming.close();
            sender = null;
        }
        log.info("session {} of {} ends: {}", identity.pid(), identity.client(), fatal);
        write(new ErrorResponse(fatal));
        close();
    }

    private void close() {
        closed = true;
        channel.writeAndFlush(channel.alloc().buffer(0)).addListener(ChannelFutureListener.CLOSE);
    }

    private void write(BackendMessage message) {
        ByteBuf out = channel.alloc().buffer();
        BackendEncoder.encode(message, out);
        channel.write(out, channel.voidPromise());
    }

    private static void release(FrontendMessage message) {
        if (message instanceof FrontendMessage.CopyData(var data)) {
            data.release();
        } else if (message instanceof FrontendMessage.Extended(var _, var body)) {
            body.release();
        }
    }
}
