package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.walrelay.protocol.codec.FrameTracker;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.forward.Pump;
import io.walrelay.proxy.forward.UpstreamSession;
import io.walrelay.proxy.slotsync.SlotAnswer;
import io.walrelay.proxy.slotsync.SlotQuestion;
import io.walrelay.proxy.slotsync.SlotSync;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A session that is upstream's from ReadyForQuery on: bytes pass both ways as they are, but for what {@link SlotSyncWatch} finds, and it ends as either side ends it. What
 * upstream sends is followed from message to message, so that the relay's own end can be said between two of them. Confined to the event loop
 * that both channels run on.
 */
final class ForwardedSession implements ServerSession {

    private static final Logger log = LoggerFactory.getLogger(ForwardedSession.class);
    private static final String SLOT_SYNC = "slot-sync";

    private final ServerContext server;
    private final SessionIdentity identity;
    private final BackendKeyData key;
    private final Channel client;
    private final UpstreamSession upstream;
    private final Answers answers;
    private final FrameTracker fromUpstream = new FrameTracker();
    private final SlotSyncWatch watch = new SlotSyncWatch(this::instead);
    /** What the client is told of an end that is not upstream's; null while there is none. */
    private @Nullable Diagnostic farewell;
    private boolean over;

    /** @param key what the client was given to cancel with */
    ForwardedSession(ServerContext server, SessionIdentity identity, BackendKeyData key, Channel client, UpstreamSession upstream) {
        this.server = server;
        this.identity = identity;
        this.key = key;
        this.client = client;
        this.upstream = upstream;
        this.answers = new Answers(client);
    }

    /** The client has its ReadyForQuery. */
    void begin(String database) {
        server.sessions().add(this);
        server.cancelKeys().add(key, upstream);
        server.state().forwarded().began();
        client.closeFuture().addListener(_ -> {
            server.sessions().remove(this);
            log.info("disconnection: user={} application_name={} client={} upstream={} pid={}",
                    identity.user(), identity.applicationName(), identity.client(), upstream.host(), identity.pid());
        });
        upstream.channel().closeFuture().addListener(_ -> {
            server.cancelKeys().remove(key, upstream);
            server.state().forwarded().ended();
        });
        log.info("connection forwarded: user={} database={} application_name={} client={} upstream={} pid={}",
                identity.user(), database, identity.applicationName(), identity.client(), upstream.host(), identity.pid());
        if (server.isStopping()) {
            stop();
        }
        server.state().upstream().streamingFrom().ifPresent(this::upstreamIs);
    }

    /** For the client's channel. */
    ChannelHandler clientEnd() {
        return new Pump(new Pump.Outlet() {
            @Override
            public void pass(ByteBuf bytes) {
                toUpstream(watch.pass(bytes));
            }

            @Override
            public boolean takesMore() {
                return upstream.channel().isWritable();
            }

            @Override
            public void writable(boolean now) {
                upstream.channel().config().setAutoRead(now);
            }

            @Override
            public void halfClosed() {
                // The server answers what came before, and then closes.
                var _ = upstream.channel().writeAndFlush(watch.end()).addListener(_ -> endOutput(upstream.channel()));
            }

            @Override
            public void closed() {
                var _ = upstream.channel().close();
            }
        });
    }

    /** For the channel upstream. */
    ChannelHandler upstreamEnd() {
        return new Pump(new Pump.Outlet() {
            @Override
            public void pass(ByteBuf bytes) {
                toClient(bytes);
            }

            @Override
            public boolean takesMore() {
                return client.isWritable();
            }

            @Override
            public void writable(boolean now) {
                client.config().setAutoRead(now);
            }

            @Override
            public void halfClosed() {
                closed();
            }

            @Override
            public void closed() {
                finish();
            }
        });
    }

    private static void endOutput(Channel channel) {
        SslHandler tls = channel.pipeline().get(SslHandler.class);
        if (tls != null) {
            var _ = tls.closeOutbound();
        } else if (channel instanceof DuplexChannel duplex) {
            var _ = duplex.shutdownOutput();
        }
    }

    private void toUpstream(ByteBuf bytes) {
        server.state().forwarded().toUpstream(bytes.readableBytes());
        upstream.channel().writeAndFlush(bytes, upstream.channel().voidPromise());
    }

    /** What is asked for a standby's slot synchronisation, whose slot is the relay's. */
    private String instead(SlotQuestion question) {
        boolean exists = server.state().cache().flatMap(cache -> cache.slots().find(question.slot())).isPresent();
        SlotSync sync = server.state().slotSync();
        return sync.ask(question, exists, server.state().clock().instant(), this::tell).askedInstead(sync.own());
    }

    private void tell(SlotAnswer answer) {
        if (answer.granted()) {
            server.state().events().info(SLOT_SYNC, "slots are synchronised to the standby of slot \"%s\", for which upstream's subscribers wait".formatted(answer.slot()));
        } else {
            server.state().events().warning(
                    SLOT_SYNC,
                    "no slot is synchronised to the standby of slot \"%s\", which is told that the slot does not exist: %s".formatted(answer.slot(), answer.refusal().orElseThrow()));
        }
    }

    private void toClient(ByteBuf bytes) {
        try {
            if (over) {
                return;
            }
            server.state().forwarded().fromUpstream(bytes.readableBytes());
            int end = fromUpstream.next(bytes, bytes.readerIndex());
            Diagnostic why = farewell;
            if (why != null && end >= 0) {
                client.write(bytes.readRetainedSlice(end - bytes.readerIndex()), client.voidPromise());
                say(why);
                return;
            }
            while (end >= 0) {
                end = fromUpstream.next(bytes, end);
            }
            client.writeAndFlush(bytes.retain(), client.voidPromise());
        } finally {
            bytes.release();
        }
    }

    /** Ends both sides, the client's once all is out. */
    private void finish() {
        if (!over) {
            over = true;
            var _ = upstream.channel().close();
            // What the server said last may be much, and nobody else has it.
            answers.close(server.limits().senderTimeout());
        }
    }

    private void say(Diagnostic why) {
        if (!over) {
            log.info("session {} of \"{}\" at {} ends: {}", identity.pid(), identity.shownName(), identity.client(), ClientText.printable(why.toString()));
            answers.write(new ErrorResponse(why));
            finish();
        }
    }

    private void endWith(Diagnostic why) {
        farewell = why;
        if (fromUpstream.isBetweenMessages()) {
            say(why);
        }
        // Who reads nothing gets to no end, of a message or of all.
        answers.closeAtLatest();
    }

    @Override
    public Channel channel() {
        return client;
    }

    @Override
    public void stop() {
        endWith(Refusals.ADMIN_SHUTDOWN);
    }

    @Override
    public void upstreamIs(String host) {
        String own = upstream.host().toString();
        if (!over && !own.equals(host)) {
            endWith(Refusals.upstreamLeft(own, host));
        }
    }

    @Override
    public void terminate() {
        finish();
        var _ = client.close();
    }
}
