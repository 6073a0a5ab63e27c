package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.embedded.EmbeddedChannel;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.FrontendMessage;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class CommandQueueTest {

    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final List<Runnable> elsewhere = new ArrayList<>();
    private final List<FrontendMessage> handled = new ArrayList<>();
    private final CommandQueue queue = new CommandQueue(channel, elsewhere::add, handled::add, () -> false);

    static List<Named<CommandQueue.Work>> faults() {
        return List.of(
                Named.of("a fault of ours", () -> {
                    throw new IllegalStateException("a fault of ours");
                }),
                Named.of("no more direct memory", () -> {
                    throw new OutOfMemoryError("Cannot reserve 1048576 bytes of direct buffer memory");
                }));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void workThatBreaksIsAnsweredAndTheNextCommandHasItsTurn(CommandQueue.Work fault) {
        List<BackendMessage> answers = new ArrayList<>();
        queue.work(fault, answers::addAll);
        queue.offer(new FrontendMessage.Sync());
        assertTrue(handled.isEmpty(), "in order");
        elsewhere.getFirst().run();
        channel.runPendingTasks();
        assertEquals("XX000", ((ErrorResponse) answers.getFirst()).diagnostic().sqlState());
        assertEquals(List.of(new FrontendMessage.Sync()), handled);
        assertTrue(channel.config().isAutoRead());
    }

    @Test
    void aDiversionTakesWhatItWantsUntilSomethingElseComes() {
        List<FrontendMessage> diverted = new ArrayList<>();
        queue.divert(message -> message instanceof FrontendMessage.CopyDone && diverted.add(message), () -> true);
        assertTrue(channel.config().isAutoRead());
        queue.offer(new FrontendMessage.CopyDone());
        queue.offer(new FrontendMessage.Sync());
        assertFalse(channel.config().isAutoRead(), "what waits is bounded");
        queue.offer(new FrontendMessage.CopyDone());
        assertEquals(List.of(new FrontendMessage.CopyDone()), diverted, "in order");
        queue.goOnAfterDiversion(() -> queue.work(List::of, _ -> {}));
        assertTrue(handled.isEmpty(), "there is work first");
        elsewhere.getFirst().run();
        channel.runPendingTasks();
        assertEquals(List.of(new FrontendMessage.Sync(), new FrontendMessage.CopyDone()), handled);
        assertTrue(channel.config().isAutoRead());
    }
}
