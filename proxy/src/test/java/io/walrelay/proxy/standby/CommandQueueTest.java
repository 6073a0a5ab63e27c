package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.embedded.EmbeddedChannel;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.FrontendMessage;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CommandQueueTest {

    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final List<Runnable> elsewhere = new ArrayList<>();
    private final List<FrontendMessage> handled = new ArrayList<>();
    private final CommandQueue queue = new CommandQueue(channel, elsewhere::add, handled::add, () -> false);

    @Test
    void workThatBreaksIsAnsweredAndTheNextCommandHasItsTurn() {
        List<BackendMessage> answers = new ArrayList<>();
        queue.work(() -> {
            throw new IllegalStateException("a fault of ours");
        }, answers::addAll);
        queue.offer(new FrontendMessage.Sync());
        assertTrue(handled.isEmpty(), "in order");
        elsewhere.getFirst().run();
        channel.runPendingTasks();
        assertEquals("XX000", ((ErrorResponse) answers.getFirst()).diagnostic().sqlState());
        assertEquals(List.of(new FrontendMessage.Sync()), handled);
        assertTrue(channel.config().isAutoRead());
    }
}
