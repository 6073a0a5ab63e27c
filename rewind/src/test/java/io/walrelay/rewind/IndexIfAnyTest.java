package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.plan.MergedChanges;
import io.walrelay.wal.Lsn;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** An answer that is not of all that was asked for is a fault of the index, and WAL is read. */
class IndexIfAnyTest {

    private static final Lsn FROM = Lsn.parse("0/3000028");
    private static final Lsn TO = Lsn.parse("0/5000000");

    private final List<String> said = new ArrayList<>();

    /** What is said of an index that answers up to {@code end} whatever is asked. */
    private Optional<Lsn> answer(Lsn end, Optional<Lsn> to) {
        OnlyChanges answering = (_, _) -> Optional.of(new MergedChanges(List.of(), List.of(), end));
        IndexIfAny index = new IndexIfAny(answering, new RewindListener() {
            @Override
            public void info(String message) {
                said.add(message);
            }

            @Override
            public void debug(String message) {
                // Nobody listens.
            }

            @Override
            public void progress(long fetched, long expected) {
                // Nobody listens.
            }
        });
        return index.changes(FROM, to).map(MergedChanges::end);
    }

    @Test
    void isBelievedWhenItSpeaksOfAll() {
        assertEquals(Optional.of(TO), answer(TO, Optional.of(TO)));
        assertEquals(Optional.of(TO), answer(TO, Optional.empty()));
        assertEquals(List.of(), said);
    }

    @Test
    void isNotBelievedWhenItSpeaksOfLessOrMore() {
        assertEquals(Optional.empty(), answer(TO.plus(-8), Optional.of(TO)));
        assertEquals(Optional.empty(), answer(TO.plus(8), Optional.of(TO)));
        assertEquals(2, said.size());
        assertTrue(said.getFirst().contains("asked for what changes from 0/3000028 on up to 0/5000000, and has answered up to 0/4FFFFF8"), said.toString());
    }

    /** There is the record of a checkpoint at least. */
    @Test
    void isNotBelievedWhenItSpeaksOfNothing() {
        assertEquals(Optional.empty(), answer(FROM, Optional.empty()));
        assertEquals(Optional.empty(), answer(Lsn.INVALID, Optional.empty()));
        assertEquals(2, said.size());
    }
}
