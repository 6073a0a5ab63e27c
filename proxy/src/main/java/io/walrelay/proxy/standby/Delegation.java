package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.walrelay.protocol.codec.FrameTracker;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.command.ReplicationCommand.ServerOnly;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.proxy.forward.ForwardedLogin;
import io.walrelay.proxy.forward.Pump;
import io.walrelay.proxy.forward.UpstreamAccess;
import io.walrelay.proxy.forward.UpstreamSession;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The commands of a physical session that only a full server can carry out, such as BASE_BACKUP: on a session upstream of the same
 * user, which is opened for the first of them and stays, since a manifest that was uploaded is for the backup that follows. The
 * answer passes as it is, to its ReadyForQuery. Confined to the event loop, which both channels run on.
 */
final class Delegation {

    private static final byte READY_FOR_QUERY = 'Z';
    private static final byte ERROR_RESPONSE = 'E';

    private final ServerContext server;
    private final ForwardedLogin login;
    private final BackendKeyData key;
    private final Channel client;
    private final Answers answers;
    private final CommandQueue queue;
    private final CommandPhase.Session session;
    private FrameTracker answer = new FrameTracker();
    /** Whether the message that upstream is in has begun while a command ran: what a server says unasked, a notice or its end, is for nobody. */
    private boolean asked;
    /** The type of the last message that the running command was answered with; 0 before the first. */
    private byte lastPassed;
    private @Nullable UpstreamSession upstream;
    private @Nullable ServerOnly running;
    private Runnable afterwards = () -> {};

    /** @param key what the client was given to cancel with */
    Delegation(
            ServerContext server,
            ForwardedLogin login,
            BackendKeyData key,
            Channel client,
            Answers answers,
            CommandQueue queue,
            CommandPhase.Session session) {
        this.server = server;
        this.login = login;
        this.key = key;
        this.client = client;
        this.answers = answers;
        this.queue = queue;
        this.session = session;
    }

    /** @param done called once the command is over, before the next is read */
    void run(ServerOnly command, Runnable done) {
        running = command;
        afterwards = done;
        lastPassed = 0;
        queue.divert(this::take, this::takesMore);
        UpstreamSession open = upstream;
        if (open != null) {
            send(open, new FrontendMessage.Query(command.text()));
            return;
        }
        server.upstream().logIn(login, client.eventLoop(), new UpstreamAccess.Arrival() {
            @Override
            public ChannelHandler arrived(UpstreamSession arrived) {
                return Delegation.this.arrived(arrived, command);
            }

            @Override
            public void refused(Diagnostic why) {
                if (!queue.isClosed()) {
                    answers.refuse(Refusals.notPassedOn(why));
                    over();
                }
            }
        });
    }

    private ChannelHandler arrived(UpstreamSession arrived, ServerOnly command) {
        upstream = arrived;
        answer = new FrameTracker();
        server.cancelKeys().add(key, arrived);
        server.state().forwarded().began();
        arrived.channel().closeFuture().addListener(_ -> {
            server.cancelKeys().remove(key, arrived);
            server.state().forwarded().ended();
        });
        if (queue.isClosed()) {
            close();
        } else {
            send(arrived, new FrontendMessage.Query(command.text()));
            queue.divertWaiting();
        }
        server.state().upstream().streamingFrom().ifPresent(this::upstreamIs);
        return new Pump(new Pump.Outlet() {
            @Override
            public void pass(ByteBuf bytes) {
                fromUpstream(arrived, bytes);
            }

            @Override
            public boolean takesMore() {
                return client.isWritable();
            }

            @Override
            public void writable(boolean now) {
                queue.readWhenAble();
            }

            @Override
            public void halfClosed() {
                closed();
            }

            @Override
            public void closed() {
                lost(arrived, keyword -> Refusals.upstreamLost(arrived.host().toString(), keyword));
            }
        });
    }

    private boolean takesMore() {
        UpstreamSession open = upstream;
        return open != null && open.channel().isWritable();
    }

    /** What the client says while the command runs: COPY data, for a manifest. Anything else waits. */
    private boolean take(FrontendMessage message) {
        UpstreamSession open = upstream;
        if (message instanceof FrontendMessage.Terminate) {
            session.hangUp("terminated by the client");
            return true;
        }
        boolean ofCopy = message instanceof FrontendMessage.CopyData
                || message instanceof FrontendMessage.CopyDone
                || message instanceof FrontendMessage.CopyFail;
        if (open == null || !ofCopy) {
            return false;
        }
        send(open, message);
        return true;
    }

    private void send(UpstreamSession to, FrontendMessage message) {
        ByteBuf out = to.channel().alloc().buffer();
        FrontendEncoder.encode(message, out);
        server.state().forwarded().toUpstream(out.readableBytes());
        to.channel().writeAndFlush(out, to.channel().voidPromise());
    }

    private void fromUpstream(UpstreamSession from, ByteBuf bytes) {
        boolean ready = false;
        try {
            int at = from.equals(upstream) ? bytes.readerIndex() : bytes.writerIndex();
            while (at < bytes.writerIndex()) {
                if (answer.isBetweenMessages()) {
                    asked = running != null && !ready;
                }
                int next = answer.next(bytes, at);
                int end = next < 0 ? bytes.writerIndex() : next;
                if (asked) {
                    server.state().forwarded().fromUpstream(end - at);
                    client.write(bytes.retainedSlice(at, end - at), client.voidPromise());
                }
                if (asked && next >= 0) {
                    lastPassed = answer.type();
                    ready |= lastPassed == READY_FOR_QUERY;
                }
                at = end;
            }
        } finally {
            bytes.release();
        }
        client.flush();
        if (ready) {
            over();
        }
    }

    private void over() {
        if (running != null) {
            running = null;
            queue.goOnAfterDiversion(afterwards);
        }
    }

    /** The relay streams from {@code host} now: on another one a backup would get no end that the relay has the WAL for. */
    void upstreamIs(String host) {
        UpstreamSession open = upstream;
        if (open != null && !open.host().toString().equals(host)) {
            lost(open, _ -> Refusals.upstreamLeft(open.host().toString(), host));
        }
    }

    /** @param why of the keyword of the command that runs, if one does */
    private void lost(UpstreamSession gone, Function<String, Diagnostic> why) {
        var _ = gone.channel().close();
        if (!gone.equals(upstream)) {
            return;
        }
        upstream = null;
        ServerOnly interrupted = running;
        running = null;
        if (interrupted != null && !queue.isClosed()) {
            // A server that ended on purpose has said why.
            if (!isInsideAnswer() && lastPassed != ERROR_RESPONSE) {
                answers.write(new ErrorResponse(why.apply(interrupted.keyword())));
            }
            queue.close();
            answers.close();
        }
    }

    /** Whether the client has got a part of a message and nothing else may be said to it. */
    boolean isInsideMessage() {
        return running != null && isInsideAnswer();
    }

    private boolean isInsideAnswer() {
        return asked && !answer.isBetweenMessages();
    }

    /** The client takes what upstream sends again, or no more. */
    void clientWritable(boolean now) {
        UpstreamSession open = upstream;
        if (open != null) {
            open.channel().config().setAutoRead(now);
        }
    }

    /** The session upstream is needed no more. */
    void close() {
        UpstreamSession open = upstream;
        upstream = null;
        running = null;
        if (open != null) {
            var _ = open.channel().close();
        }
    }
}
