package io.walrelay.wal.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class RecordTrackerTest {

    private static final SegmentSize SIZE = new SegmentSize(1 << 20);
    private static final Lsn START = Lsn.parse("0/1000000");

    /** Every shape of record: short, filling a page exactly, spanning pages and segments, a split header, lost, a switch. */
    private static WalCraft everyShape(long seed) {
        WalCraft wal = WalCraft.begin(SIZE, new SystemId(7), START, seed)
                .record(24)
                .record(25)
                .record(32)
                .record(8192 - 40 - 24 - 32 - 32)
                .record(8192 - 24 - 8)
                .record(30_000)
                .lostRecord(60_000, 3)
                .record(2_500_000)
                .switchSegment()
                .randomRecords(200, 20_000)
                .lostRecord(20_000, 1)
                .switchSegment();
        for (int left = 8; left <= 24; left += 8) {
            fillPageUpTo(wal, left);
            wal.record(24);
            fillPageUpTo(wal, left);
            wal.record(5_000);
            fillPageUpTo(wal, left);
            wal.lostRecord(5_000, 1);
            fillPageUpTo(wal, left);
            wal.switchSegment();
        }
        return wal.record(100);
    }

    private static void fillPageUpTo(WalCraft wal, int left) {
        wal.record(100);
        int free = 8192 - (int) (wal.end().value() & 8191);
        wal.record(free - left >= 24 ? free - left : free + 8192 - 24 - left);
    }

    @Test
    void knowsTheLastRecordEndAfterEveryByte() {
        WalCraft wal = everyShape(1);
        ByteBuf bytes = Unpooled.wrappedBuffer(wal.bytes());
        RecordTracker tracker = RecordTracker.atPage(SIZE, START);
        Lsn expected = Lsn.INVALID;
        int record = 0;
        for (int i = 0; i < bytes.readableBytes(); i++) {
            tracker.feed(bytes, i, 1);
            Lsn at = START.plus(i + 1L);
            if (record < wal.recordEnds().size() && wal.recordEnds().get(record).equals(at)) {
                expected = at;
                record++;
            }
            if (!tracker.lastRecordEnd().equals(expected)) {
                assertEquals(expected, tracker.lastRecordEnd(), "after the byte before " + at);
            }
        }
        assertEquals(wal.recordEnds().size(), record);
        assertEquals(Optional.empty(), tracker.fault());
        assertEquals(wal.end(), tracker.position());
    }

    @Test
    void knowsTheLastRecordEndHoweverTheBytesAreSplit() {
        long seed = Long.getLong("seed", System.nanoTime());
        Random random = new Random(seed);
        WalCraft wal = everyShape(seed);
        ByteBuf bytes = Unpooled.directBuffer().writeBytes(wal.bytes());
        try {
            for (int run = 0; run < 60; run++) {
                RecordTracker tracker = RecordTracker.atPage(SIZE, START);
                int bound = 1 << random.nextInt(4, 20);
                for (int at = 0; at < bytes.readableBytes(); ) {
                    int length = Math.min(1 + random.nextInt(bound), bytes.readableBytes() - at);
                    tracker.feed(bytes, at, length);
                    at += length;
                    assertEquals(wal.lastRecordEndAt(START.plus(at)), tracker.lastRecordEnd(), "replay with -Dseed=" + seed);
                }
                assertEquals(Optional.empty(), tracker.fault(), "replay with -Dseed=" + seed);
            }
        } finally {
            bytes.release();
        }
    }

    @Test
    void startsAtEveryPageAndAtEveryRecordEnd() {
        WalCraft wal = everyShape(2);
        ByteBuf bytes = Unpooled.wrappedBuffer(wal.bytes());
        for (Lsn page = START; page.isBefore(wal.end()); page = page.plus(8192)) {
            if (isInsideSwitch(wal, page)) {
                continue;
            }
            RecordTracker tracker = RecordTracker.atPage(SIZE, page);
            feedFrom(tracker, bytes, page);
            assertEquals(wal.end(), tracker.lastRecordEnd(), "from page " + page);
        }
        for (Lsn end : wal.recordEnds()) {
            RecordTracker tracker = RecordTracker.atRecord(SIZE, end);
            assertEquals(end, tracker.lastRecordEnd());
            feedFrom(tracker, bytes, end);
            assertEquals(wal.end(), tracker.lastRecordEnd(), "from record end " + end);
        }
    }

    private static void feedFrom(RecordTracker tracker, ByteBuf bytes, Lsn from) {
        int offset = (int) from.minus(START);
        tracker.feed(bytes, offset, bytes.readableBytes() - offset);
    }

    /** From there on nobody can tell that the zeros are a switch's. */
    private static boolean isInsideSwitch(WalCraft wal, Lsn page) {
        for (int i = 0; i < wal.recordEnds().size(); i++) {
            Lsn from = wal.recordStarts().get(i);
            if (page.isAfter(from) && page.isBefore(wal.recordEnds().get(i))) {
                Lsn end = wal.recordEnds().get(i);
                return SIZE.offset(end) == 0 && wal.bytes(end.plus(-1), end)[0] == 0;
            }
        }
        return false;
    }

    @Test
    void followsAPromotionInTheMiddleOfASegment() {
        //  timeline 1  ----r----r----r----|----r----
        //                                 fork, in a page
        //  timeline 2  ----r----r----r----|--r--------r-----
        WalCraft before = WalCraft.begin(SIZE, new SystemId(7), START, 3).randomRecords(400, 3_000);
        WalCraft after = before.promoted(new TimelineId(2), before.recordEnds().get(200)).randomRecords(300, 3_000);
        RecordTracker tracker = RecordTracker.atPage(SIZE, START);
        tracker.feed(Unpooled.wrappedBuffer(after.bytes()));
        assertEquals(after.end(), tracker.lastRecordEnd());
        assertEquals(Optional.empty(), tracker.fault());
    }

    @Test
    void doesNotCountASwitchBeforeItsSegmentIsWhole() {
        WalCraft wal = WalCraft.begin(SIZE, new SystemId(7), START, 3).record(100).switchSegment();
        ByteBuf bytes = Unpooled.wrappedBuffer(wal.bytes());
        RecordTracker tracker = RecordTracker.atPage(SIZE, START);
        tracker.feed(bytes, 0, bytes.readableBytes() - 1);
        assertEquals(Lsn.parse("0/1000090"), tracker.lastRecordEnd());
        tracker.feed(bytes, bytes.readableBytes() - 1, 1);
        assertEquals(Lsn.parse("0/1100000"), tracker.lastRecordEnd());
    }

    @Test
    void faultsAtZerosAndIgnoresWhatFollows() {
        WalCraft wal = WalCraft.begin(SIZE, new SystemId(7), START, 3).record(100);
        RecordTracker tracker = RecordTracker.atPage(SIZE, START);
        tracker.feed(Unpooled.wrappedBuffer(wal.bytes()));
        tracker.feed(Unpooled.wrappedBuffer(new byte[3]));
        assertEquals(Optional.empty(), tracker.fault());
        tracker.feed(Unpooled.wrappedBuffer(new byte[100]));
        assertEquals(Optional.of(new WalEnd.ZeroLength(Lsn.parse("0/1000090"))), tracker.fault());
        Lsn position = tracker.position();
        tracker.feed(Unpooled.wrappedBuffer(wal.bytes()));
        assertEquals(position, tracker.position());
        assertEquals(Lsn.parse("0/1000090"), tracker.lastRecordEnd());
    }

    @Test
    void faultsAtALengthThatNoRecordHas() {
        WalCraft wal = WalCraft.begin(SIZE, new SystemId(7), START, 3).record(100).record(100);
        assertEquals(
                new WalEnd.InvalidLength(Lsn.parse("0/1000090"), 23),
                faultOf(wal.overwrite(Lsn.parse("0/1000090"), (byte) 23)));
        assertEquals(
                new WalEnd.InvalidLength(Lsn.parse("0/1000090"), 0xF000_0017),
                faultOf(wal.overwrite(Lsn.parse("0/1000093"), (byte) 0xF0)));
    }

    @Test
    void faultsAtAPageThatDoesNotBelongThere() {
        Lsn page = Lsn.parse("0/1004000");
        assertEquals(new WalEnd.UnknownMagic(page, 0xD245), faultOf(spanning().overwrite(page, (byte) 0x45, (byte) 0xD2)));
        assertEquals(new WalEnd.UnknownMagic(page, 0xD10D), faultOf(spanning().overwrite(page, (byte) 0x0D)));
        assertEquals(new WalEnd.BadPageFlags(page, 0x0105), faultOf(spanning().overwrite(page.plus(3), (byte) 1)));
        assertEquals(
                new WalEnd.WrongPageAddress(page, Lsn.parse("0/1004001")), faultOf(spanning().overwrite(page.plus(8), (byte) 1)));
        assertEquals(new WalEnd.BadContinuation(page, 0, 13_680), faultOf(spanning().overwrite(page.plus(2), (byte) 0)));
        assertEquals(
                new WalEnd.BadContinuation(page, 13_681, 13_680), faultOf(spanning().overwrite(page.plus(16), (byte) 0x71)));
        assertEquals(new WalEnd.BadPageFlags(START, 0), faultOf(spanning().overwrite(START.plus(2), (byte) 0)));
        assertEquals(
                new WalEnd.WrongSegmentSize(START, 1 << 24, SIZE),
                faultOf(spanning().overwrite(START.plus(32), (byte) 0, (byte) 0, (byte) 0, (byte) 1)));
        assertEquals(
                new WalEnd.UnsupportedBlockSize(START, 16_384),
                faultOf(spanning().overwrite(START.plus(36), (byte) 0, (byte) 0x40)));
    }

    private static WalCraft spanning() {
        return WalCraft.begin(SIZE, new SystemId(7), START, 3).record(30_000);
    }

    private static WalEnd faultOf(WalCraft wal) {
        RecordTracker tracker = RecordTracker.atPage(SIZE, START);
        tracker.feed(Unpooled.wrappedBuffer(wal.bytes()));
        return tracker.fault().orElseThrow();
    }

    @Test
    void survivesRandomBytes() {
        long seed = Long.getLong("seed", System.nanoTime());
        Random random = new Random(seed);
        byte[] wal = everyShape(seed).bytes();
        for (int run = 0; run < 300; run++) {
            byte[] spoiled = java.util.Arrays.copyOf(wal, 200_000);
            for (int i = 0; i <= random.nextInt(20); i++) {
                spoiled[random.nextInt(spoiled.length)] = (byte) random.nextInt();
            }
            RecordTracker tracker = RecordTracker.atPage(SIZE, START);
            tracker.feed(Unpooled.wrappedBuffer(spoiled));
            assertEquals(
                    true, tracker.lastRecordEnd().isAtMost(START.plus(spoiled.length)), "replay with -Dseed=" + seed);
        }
    }

    @Test
    void refusesAStartWhereNoRecordCanBe() {
        assertThrows(IllegalArgumentException.class, () -> RecordTracker.atPage(SIZE, START.plus(40)));
        assertThrows(IllegalArgumentException.class, () -> RecordTracker.atRecord(SIZE, START.plus(32)));
        assertThrows(IllegalArgumentException.class, () -> RecordTracker.atRecord(SIZE, START.plus(44)));
    }
}
