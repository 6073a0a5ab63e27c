package io.walrelay.proxy.standby;

import io.netty.channel.Channel;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The messages of one session in their order, while commands that wait for the disk are carried out elsewhere. Confined to
 * the session's event loop.
 */
final class CommandQueue {

    private static final Logger log = LoggerFactory.getLogger(CommandQueue.class);

    /** The work behind a command; may wait for the disk. */
    interface Work {
        List<BackendMessage> answer() throws SlotException, IOException;
    }

    /** Who has the messages of a command that runs elsewhere: those that {@code taker} takes over, while {@code takesMore}. */
    private record Diversion(Predicate<FrontendMessage> taker, BooleanSupplier takesMore) {}

    private final Channel channel;
    private final Executor blocking;
    private final Consumer<FrontendMessage> handler;
    /** What came while a command was at work. */
    private final Queue<FrontendMessage> waiting = new ArrayDeque<>();
    private final BooleanSupplier streaming;
    private @Nullable Diversion diversion;
    private boolean working;
    private boolean closed;

    /**
     * @param handler of one message at a time, on the event loop
     * @param streaming whether the session streams: then its replies are read however full its channel is
     */
    CommandQueue(Channel channel, Executor blocking, Consumer<FrontendMessage> handler, BooleanSupplier streaming) {
        this.streaming = streaming;
        this.channel = channel;
        this.blocking = blocking;
        this.handler = handler;
    }

    void offer(FrontendMessage message) {
        if (closed) {
            release(message);
        } else if (working) {
            Diversion to = diversion;
            if (to == null || !waiting.isEmpty() || !to.taker.test(message)) {
                waiting.add(message);
            }
            readWhenAble();
        } else {
            handler.accept(message);
        }
    }

    /**
     * Lets {@code taker} have what the client sends, until {@link #goOnAfterDiversion}. From the first message on that it does not
     * take, all waits, and no more is read.
     */
    void divert(Predicate<FrontendMessage> taker, BooleanSupplier takesMore) {
        diversion = new Diversion(taker, takesMore);
        working = true;
        readWhenAble();
    }

    /** Lets the taker have what came before it could take anything. */
    void divertWaiting() {
        Diversion to = diversion;
        FrontendMessage next;
        while (to != null && (next = waiting.peek()) != null && to.taker.test(next)) {
            // Gone already when what was taken has ended the session.
            var _ = waiting.poll();
        }
        readWhenAble();
    }

    /** @param first done before what waits: perhaps more work */
    void goOnAfterDiversion(Runnable first) {
        diversion = null;
        working = false;
        first.run();
        goOn();
    }

    /**
     * Does {@code work} elsewhere; what the client sends meanwhile waits. Whatever goes wrong with it is an answer, too: a session
     * that got none would be mute for ever.
     *
     * @param answered given the answer on the event loop; called also when the session has ended meanwhile
     */
    void work(Work work, Consumer<List<BackendMessage>> answered) {
        pause();
        blocking.execute(() -> {
            List<BackendMessage> answer = carryOut(work);
            channel.eventLoop().execute(() -> {
                working = false;
                answered.accept(answer);
                goOn();
            });
        });
    }

    private List<BackendMessage> carryOut(Work work) {
        Diagnostic refusal;
        try {
            return work.answer();
        } catch (CommandError e) {
            refusal = e.diagnostic();
        } catch (SlotException e) {
            refusal = e.diagnostic();
        } catch (IOException e) {
            log.error("could not carry out a replication command for {}", channel.remoteAddress(), e);
            refusal = Diagnostic.error("58030", "the relay's disk failed: %s".formatted(e.getMessage()));
        } catch (RuntimeException | OutOfMemoryError e) {
            log.error("a replication command for {} broke", channel.remoteAddress(), e);
            refusal = Diagnostic.error("XX000", "internal error of the relay: %s".formatted(e)).withHint("the relay's log has more");
        }
        return List.of(new ErrorResponse(refusal));
    }

    /** Does {@code next} after a while; what the client sends meanwhile waits. */
    void after(long millis, Runnable next) {
        pause();
        channel.eventLoop().schedule(() -> {
            if (!closed) {
                working = false;
                next.run();
                goOn();
            }
        }, millis, TimeUnit.MILLISECONDS);
    }

    private void pause() {
        working = true;
        channel.config().setAutoRead(false);
    }

    private void goOn() {
        FrontendMessage next;
        while (!working && !closed && (next = waiting.poll()) != null) {
            handler.accept(next);
        }
        readWhenAble();
        channel.flush();
    }

    /** Who does not read his answers may not ask more. */
    void readWhenAble() {
        if (!closed) {
            channel.config().setAutoRead(wantsMore());
        }
    }

    private boolean wantsMore() {
        Diversion to = diversion;
        return to == null
                ? !working && (streaming.getAsBoolean() || channel.isWritable())
                : waiting.isEmpty() && to.takesMore.getAsBoolean();
    }

    /** Nothing that comes is looked at any more. */
    void close() {
        closed = true;
        diversion = null;
        waiting.forEach(CommandQueue::release);
        waiting.clear();
    }

    boolean isClosed() {
        return closed;
    }

    private static void release(FrontendMessage message) {
        if (message instanceof FrontendMessage.CopyData(var data)) {
            data.release();
        } else if (message instanceof FrontendMessage.Extended(var _, var body)) {
            body.release();
        }
    }
}
