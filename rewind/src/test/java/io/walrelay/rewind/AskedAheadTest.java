package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.rewind.plan.MergedChanges;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AskedAheadTest {

    private static final Lsn FROM = Lsn.parse("0/3000028");
    private static final Lsn TO = Lsn.parse("0/5000000");

    private final AtomicInteger asked = new AtomicInteger();
    private final CountDownLatch known = new CountDownLatch(1);

    /** Knows nothing before it is told to, and of everything up to {@link #TO} that nothing changes but where {@code fault} is. */
    private OnlyChanges index(Optional<Lsn> fault) {
        return (from, _) -> {
            asked.incrementAndGet();
            try {
                known.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            if (fault.equals(Optional.of(from))) {
                throw new IOException("no index");
            }
            return Optional.of(new MergedChanges(List.of(), List.of(), TO));
        };
    }

    @Test
    void whatWasAskedAheadIsAskedOnceAndAnsweredOnce() throws IOException {
        AskedAhead ahead = new AskedAhead(index(Optional.empty()));
        ahead.ask(FROM, Optional.of(TO));
        // That this gets here at all says that it does not wait for the answer.
        known.countDown();
        assertEquals(Optional.of(TO), ahead.changes(FROM, Optional.of(TO)).map(MergedChanges::end));
        assertEquals(1, asked.get());
        assertEquals(Optional.of(TO), ahead.changes(FROM, Optional.of(TO)).map(MergedChanges::end));
        assertEquals(2, asked.get(), "an answer is not kept");
    }

    @Test
    void aFaultIsThatOfWhoAsksForIt() {
        known.countDown();
        AskedAhead ahead = new AskedAhead(index(Optional.of(FROM)));
        ahead.ask(FROM, Optional.of(TO));
        IOException fault = assertThrows(IOException.class, () -> ahead.changes(FROM, Optional.of(TO)));
        assertEquals("no index", fault.getMessage());
        assertEquals(1, asked.get());
    }

    /** Not both at a time: whoever knows has room for few. */
    @Test
    void anotherQuestionIsAskedWhenTheFirstIsAnswered() throws IOException {
        known.countDown();
        AskedAhead ahead = new AskedAhead(index(Optional.of(FROM)));
        ahead.ask(FROM, Optional.of(TO));
        assertEquals(Optional.of(TO), ahead.changes(TO, Optional.empty()).map(MergedChanges::end), "what was asked for in vain may fail");
        assertEquals(2, asked.get());
        assertThrows(IOException.class, () -> ahead.changes(FROM, Optional.of(TO)));
        assertEquals(3, asked.get(), "the first answer was dropped");
    }

    @Test
    void aFaultOfAnotherQuestionIsNoReasonToAskItAgain() {
        known.countDown();
        AskedAhead ahead = new AskedAhead(index(Optional.of(TO)));
        ahead.ask(FROM, Optional.of(TO));
        assertThrows(IOException.class, () -> ahead.changes(TO, Optional.empty()));
        assertEquals(2, asked.get());
    }

    @Test
    void nothingHasToBeAskedAhead() throws IOException {
        known.countDown();
        assertEquals(Optional.of(TO), new AskedAhead(index(Optional.empty())).changes(FROM, Optional.empty()).map(MergedChanges::end));
    }
}
