package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.rewind.plan.MergedChanges;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Two servers can have taken one timeline's number at one position, and each has a relay: names tell them apart for nobody. */
class OneIndexTest {

    private static final Lsn FROM = Lsn.parse("0/3000000");
    private static final Lsn TO = Lsn.parse("0/5000000");
    private static final TimelineHistory LINEAGE = TimelineHistory.root(TimelineId.of(1));

    /** Knows {@code known} of everything, or nothing; where it is busy it can't say what that changes. */
    private record Relay(Optional<Integer> known, boolean busy, boolean away) implements HeldWal, HeldChanges {

        @Override
        public List<HeldWal> each() {
            return List.of(this);
        }

        @Override
        public WalElsewhere along(TimelineHistory lineage) {
            return WalElsewhere.NOWHERE;
        }

        @Override
        public WalElsewhere histories() {
            return WalElsewhere.NOWHERE;
        }

        @Override
        public HeldChanges changesAlong(TimelineHistory lineage) {
            return this;
        }

        @Override
        public void reserve(SystemId system, TimelineHistory lineage, Lsn from, Lsn reached) {
            throw new AssertionError("not asked for");
        }

        @Override
        public void release() {
            throw new AssertionError("not asked for");
        }

        private void requireThere() throws IOException {
            if (away) {
                throw new IOException("away");
            }
        }

        @Override
        public List<Segment> segments(Lsn from, Lsn to) throws IOException {
            requireThere();
            return known.map(crc -> new Segment(from, "000000010000000000000003", crc, Optional.empty())).stream().toList();
        }

        @Override
        public Optional<Segment> beginning(Lsn to) throws IOException {
            requireThere();
            return known.map(crc -> new Segment(FROM, "000000010000000000000003", crc, Optional.empty()));
        }

        @Override
        public Optional<MergedChanges> changes(Lsn from, Optional<Lsn> to) throws IOException {
            if (busy) {
                throw new IOException("busy");
            }
            return known.map(_ -> new MergedChanges(List.of(), List.of(), TO));
        }
    }

    private static final Relay NOTHING = new Relay(Optional.empty(), false, false);
    private static final Relay ONE = new Relay(Optional.of(1), false, false);
    private static final Relay BUSY = new Relay(Optional.of(2), true, false);
    private static final Relay AWAY = new Relay(Optional.of(3), false, true);

    @Test
    void whatOneSaysOfItsSegmentsNoOtherIsAskedToComplete() throws IOException {
        OneIndex index = new OneIndex(List.of(NOTHING, BUSY, ONE), LINEAGE);
        assertEquals(List.of(2), index.segments(FROM, TO).stream().map(HeldChanges.Segment::crc32c).toList());
        assertTrue(index.isOf(BUSY));
        assertThrows(IOException.class, () -> index.changes(FROM, Optional.of(TO)));
        assertEquals(Optional.of(2), index.beginning(TO).map(HeldChanges.Segment::crc32c));
        assertFalse(index.isOf(ONE));
    }

    @Test
    void oneThatIsAwayIsPassedOver() throws IOException {
        OneIndex index = new OneIndex(List.of(AWAY, ONE), LINEAGE);
        assertEquals(Optional.of(1), index.beginning(TO).map(HeldChanges.Segment::crc32c));
        assertTrue(index.isOf(ONE));
        assertEquals(Optional.of(TO), index.changes(FROM, Optional.of(TO)).map(MergedChanges::end));
    }

    @Test
    void nothingIsSaidOfWhatCouldNotBeCompared() throws IOException {
        OneIndex index = new OneIndex(List.of(ONE), LINEAGE);
        assertEquals(Optional.empty(), index.changes(FROM, Optional.of(TO)));
        assertFalse(index.isOf(ONE));
        OneIndex unknown = new OneIndex(List.of(NOTHING), LINEAGE);
        assertEquals(List.of(), unknown.segments(FROM, TO));
        assertFalse(unknown.isOf(NOTHING));
        assertThrows(IOException.class, () -> new OneIndex(List.of(AWAY, NOTHING), LINEAGE).segments(FROM, TO));
        assertEquals(List.of(), new OneIndex(List.of(), LINEAGE).segments(FROM, TO));
    }
}
