package io.walrelay.wal.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

final class WalReaderTest {

    private static final SegmentSize SIZE = new SegmentSize(1 << 20);
    private static final SystemId SYSTEM = new SystemId(7);
    private static final Lsn START = Lsn.parse("0/1000000");
    private static final long SEED = 5;

    private static WalCraft begin() {
        return WalCraft.begin(SIZE, SYSTEM, START, SEED);
    }

    private static WalCraft everyShape() {
        return begin().record(24)
                .record(25)
                .record(30_000)
                .lostRecord(60_000, 3)
                .record(2_500_000)
                .switchSegment()
                .randomRecords(300, 20_000)
                .lostRecord(20_000, 1)
                .switchSegment()
                .randomRecords(3_000, 3_000);
    }

    private static ProvenEnd endOf(WalCraft wal) throws IOException {
        return ProvenEnd.find(wal.source(), wal.identity(), START);
    }

    private static ProvenEnd endOfFile(WalCraft wal, byte[] file) throws IOException {
        return ProvenEnd.find(WalCraft.source(START, file), wal.identity(), START);
    }

    @Test
    void readsEveryRecordAsItWasWritten() throws IOException {
        byte[] payload = new byte[20_000];
        new Random(SEED).nextBytes(payload);
        WalCraft wal = begin().record(100).record(10, 0x20, payload).record(10, 0x30, new byte[] {1, 2, 3});
        WalReader reader = WalReader.open(wal.source(), wal.identity(), START);

        assertTrue(reader.next());
        assertEquals(Lsn.parse("0/1000028"), reader.recordStart());
        assertEquals(Lsn.parse("0/1000090"), reader.lastRecordEnd());
        assertEquals(100, reader.header().totalLength());
        assertEquals(Lsn.INVALID, reader.header().prev());

        assertTrue(reader.next());
        assertEquals(0x20, reader.header().info());
        assertEquals(10, reader.header().resourceManager());
        assertEquals(Lsn.parse("0/1000028"), reader.header().prev());
        ByteBuffer record = reader.record();
        byte[] read = new byte[record.remaining() - RecordHeader.SIZE];
        record.get(RecordHeader.SIZE, read);
        assertArrayEquals(payload, read);

        assertTrue(reader.next());
        assertEquals(27, reader.record().remaining());
        assertEquals(3, reader.record().get(26));

        assertFalse(reader.next());
        assertEquals(Optional.of(new WalEnd.NoMoreBytes(wal.end())), reader.end());
        assertFalse(reader.next());
    }

    @Test
    void agreesWithTheTruthHoweverFewBytesARead() throws IOException {
        WalCraft wal = everyShape();
        WalSource whole = wal.source();
        Random random = new Random(SEED);
        for (int bound : new int[] {7, 100, 8192, 1 << 20}) {
            WalSource slow = (at, into) ->
                    whole.read(at, into.slice(into.position(), Math.min(into.remaining(), 1 + random.nextInt(bound))));
            WalReader reader = WalReader.open(slow, wal.identity(), START);
            List<Lsn> starts = new ArrayList<>();
            List<Lsn> ends = new ArrayList<>();
            while (reader.next()) {
                starts.add(reader.recordStart());
                ends.add(reader.lastRecordEnd());
            }
            assertEquals(wal.recordStarts(), starts);
            assertEquals(wal.recordEnds(), ends);
            assertEquals(Optional.of(new WalEnd.NoMoreBytes(wal.end())), reader.end());
        }
    }

    @Test
    void startsAtEveryRecordEndAndAtASegmentThatContinuesARecord() throws IOException {
        WalCraft wal = everyShape();
        for (int i = 0; i < wal.recordEnds().size() - 1; i += 7) {
            WalReader reader = WalReader.open(wal.source(), wal.identity(), wal.recordEnds().get(i));
            assertTrue(reader.next());
            assertEquals(wal.recordStarts().get(i + 1), reader.recordStart());
        }
        Lsn inTheLongRecord = START.plus(SIZE.bytes());
        ProvenEnd end = ProvenEnd.find(wal.source(), wal.identity(), inTheLongRecord);
        assertEquals(wal.end(), end.lastRecordEnd());
    }

    @Test
    void endsInsideARecordWhereverTheBytesEnd() throws IOException {
        WalCraft wal = begin().record(100).record(50).record(20_000).switchSegment();
        byte[] all = wal.bytes();
        for (int length = 0; length < 25_000; length++) {
            ProvenEnd end = endOfFile(wal, java.util.Arrays.copyOf(all, length));
            assertEquals(wal.lastRecordEndAt(START.plus(length)), end.lastRecordEnd(), "of " + length + " bytes");
            assertTrue(end.continuedTo().isAtMost(START.plus(length)), "of " + length + " bytes");
            assertFalse(end.reason() instanceof WalEnd.Flaw, "of " + length + " bytes: " + end.reason());
        }
        ProvenEnd beforeSwitch = endOfFile(wal, java.util.Arrays.copyOf(all, all.length - 1));
        assertEquals(wal.recordEnds().get(2), beforeSwitch.lastRecordEnd());
        assertTrue(beforeSwitch.reason() instanceof WalEnd.UnfinishedRecord);
    }

    @Test
    void endsAtTheZerosOfASegmentThatIsNotFull() throws IOException {
        WalCraft wal = begin().record(100);
        ProvenEnd end = endOfFile(wal, wal.segment(16));
        assertEquals(new ProvenEnd(Lsn.parse("0/1000090"), Lsn.parse("0/1000090"), new WalEnd.ZeroLength(Lsn.parse("0/1000090"))), end);
    }

    @Test
    void followsAnUnfinishedRecordOverItsValidPages() throws IOException {
        WalCraft wal = begin().record(100);
        Lsn lost = wal.unfinishedRecord(100_000, 4);
        Lsn cut = Lsn.parse("0/1008000");
        assertEquals(new ProvenEnd(Lsn.parse("0/1000090"), cut, new WalEnd.UnfinishedRecord(cut, lost)), endOf(wal));
        assertEquals(
                new ProvenEnd(Lsn.parse("0/1000090"), cut, new WalEnd.UnknownMagic(cut, 0)), endOfFile(wal, wal.segment(16)));
    }

    @Test
    void findsAnEndInASegmentThatOnlyContinuesARecord() throws IOException {
        WalCraft wal = begin();
        wal.unfinishedRecord(3_000_000, 200);
        Lsn second = START.plus(SIZE.bytes());
        assertEquals(
                new ProvenEnd(Lsn.INVALID, wal.end(), new WalEnd.UnfinishedRecord(wal.end(), Lsn.INVALID)),
                ProvenEnd.find(wal.source(), wal.identity(), second));
    }

    @Test
    void endsWhereARecycledSegmentStillHasItsOldPages() throws IOException {
        WalCraft old = WalCraft.begin(SIZE, SYSTEM, Lsn.parse("0/0A00000"), SEED).randomRecords(20_000, 300);
        byte[] before = old.segment(10);
        WalCraft onAPageBoundary = begin().record(8192 - 40);
        assertEquals(
                new WalEnd.WrongPageAddress(Lsn.parse("0/1002000"), Lsn.parse("0/0A02000")),
                endOfFile(onAPageBoundary, onAPageBoundary.segment(16, before)).reason());

        // Inside a page, the old record that starts just there has an old prev link.
        Lsn oldEnd = old.recordEnds().get(5);
        WalCraft onAnOldRecord = begin().record((int) oldEnd.minus(old.start()) - 40);
        assertEquals(
                new WalEnd.BadPrevLink(onAnOldRecord.end(), old.recordStarts().get(5), onAnOldRecord.recordStarts().get(0)),
                endOfFile(onAnOldRecord, onAnOldRecord.segment(16, before)).reason());
    }

    @Test
    void endsAtARecordWithABadChecksum() throws IOException {
        WalCraft wal = begin().record(100).record(20_000).record(100);
        Lsn spoiled = wal.recordStarts().get(1);
        ProvenEnd end = endOf(wal.corrupt(spoiled.plus(9_000)));
        assertTrue(end.reason() instanceof WalEnd.BadChecksum, end.toString());
        assertEquals(spoiled, end.reason().at());
        assertEquals(spoiled, end.lastRecordEnd());
    }

    @Test
    void noticesEverySpoiledByteOfARecord() throws IOException {
        for (int i = 0; i < 100; i++) {
            if (i == 18 || i == 19) {
                continue; // padding inside the header is under the checksum too: see below
            }
            WalCraft wal = begin().record(80).record(100).record(60);
            Lsn start = wal.recordStarts().get(1);
            ProvenEnd end = endOf(wal.corrupt(start.plus(i)));
            assertEquals(start, end.lastRecordEnd(), "byte " + i);
            assertFalse(end.reason() instanceof WalEnd.NoMoreBytes, "byte " + i);
        }
        WalCraft wal = begin().record(80).record(100);
        assertTrue(endOf(wal.corrupt(wal.recordStarts().get(1).plus(18))).reason() instanceof WalEnd.BadChecksum);
    }

    @Test
    void endsAtALengthThatNoRecordHas() throws IOException {
        WalCraft wal = begin().record(100).record(100);
        assertEquals(
                new WalEnd.InvalidLength(Lsn.parse("0/1000090"), 0x5500_0064),
                endOf(wal.overwrite(Lsn.parse("0/1000093"), (byte) 0x55)).reason());
    }

    @Test
    void endsAtAPageThatDoesNotBelongThere() throws IOException {
        Lsn page = Lsn.parse("0/1004000");
        assertEquals(new WalEnd.UnknownMagic(page, 0xD106), endOf(spanning().overwrite(page, (byte) 6)).reason());
        assertEquals(new WalEnd.BadPageFlags(page, 0x8005), endOf(spanning().overwrite(page.plus(3), (byte) 0x80)).reason());
        assertEquals(new WalEnd.BadContinuation(page, 0, 13_680), endOf(spanning().overwrite(page.plus(2), (byte) 0)).reason());
        assertEquals(
                new WalEnd.BadContinuation(page, 13_824 - 255, 13_680),
                endOf(spanning().overwrite(page.plus(16), (byte) 1)).reason());
        assertEquals(
                new WalEnd.WrongTimeline(page, 2, new TimelineId(1)), endOf(spanning().overwrite(page.plus(4), (byte) 2)).reason());
        assertEquals(
                new WalEnd.ForeignSystem(START, new SystemId(8), SYSTEM),
                endOf(spanning().overwrite(START.plus(24), (byte) 8)).reason());
        assertEquals(
                new WalEnd.UnsupportedBlockSize(START, 16_384),
                endOf(spanning().overwrite(START.plus(36), (byte) 0, (byte) 0x40)).reason());
        assertEquals(
                "WAL block size of 16384 bytes in the page at 0/1000000: only 8192 is supported",
                endOf(spanning().overwrite(START.plus(36), (byte) 0, (byte) 0x40)).reason().message());
    }

    private static WalCraft spanning() {
        return begin().record(30_000);
    }

    @Test
    void acceptsAParentsPagesUpToTheForkAndNoFurther() throws IOException {
        //  timeline 1  ----r----r----r----|----r----        the child's segment file has the parent's pages
        //  timeline 2                     |--r------r----   up to and with the one that the fork cuts
        WalCraft parent = begin().randomRecords(400, 3_000);
        Lsn fork = parent.recordEnds().get(200);
        WalCraft child = parent.promoted(new TimelineId(2), fork).randomRecords(300, 3_000);
        assertEquals(child.end(), endOf(child).lastRecordEnd());

        ProvenEnd orphan = ProvenEnd.find(parent.source(), child.identity(), START);
        Lsn nextPage = new Lsn((fork.value() + 8191) & -8192L);
        assertEquals(new WalEnd.WrongTimeline(nextPage, 1, new TimelineId(2)), orphan.reason());

        WalIdentity unrelated = new WalIdentity(SYSTEM, SIZE, TimelineHistory.root(new TimelineId(3)));
        assertEquals(
                new WalEnd.WrongTimeline(START, 1, new TimelineId(3)),
                ProvenEnd.find(parent.source(), unrelated, START).reason());
    }

    @Test
    void passesOnThatItCouldNotLookAndGoesOnWhenItCan() throws IOException {
        WalCraft wal = everyShape();
        WalSource whole = wal.source();
        IOException failure = new IOException("disk on fire");
        // More good calls between two failures than the longest record needs: a record is read anew after each.
        int[] calls = {0};
        WalSource flaky = (at, into) -> {
            if (calls[0]++ % 450 == 0) {
                throw failure;
            }
            return whole.read(at, into.slice(into.position(), Math.min(into.remaining(), 6_000)));
        };
        for (Lsn start : List.of(START, START.plus(SIZE.bytes()))) {
            calls[0] = 0;
            WalReader reader = WalReader.open(flaky, wal.identity(), start);
            assertSame(failure, assertThrows(IOException.class, reader::next));
            int failures = 1;
            while (reader.end().isEmpty()) {
                try {
                    reader.next();
                } catch (IOException e) {
                    assertSame(failure, e);
                    failures++;
                }
            }
            assertEquals(wal.end(), reader.lastRecordEnd());
            assertTrue(failures > 1, "failures: " + failures);
        }
    }

    /** As a relay reads that frees each segment once its records are read. */
    @Test
    void goesOnWhereTheSegmentBeforeIsGone() throws IOException {
        WalCraft wal = everyShape();
        AtomicReference<Lsn> limit = new AtomicReference<>(START);
        AtomicReference<Lsn> freed = new AtomicReference<>(START);
        WalSource whole = wal.source();
        WalSource held = (at, into) -> {
            long room = at.isBefore(limit.get()) && at.isAtLeast(freed.get()) ? Math.min(into.remaining(), limit.get().minus(at)) : 0;
            ByteBuffer part = into.slice(into.position(), (int) room);
            int n = room == 0 ? 0 : whole.read(at, part);
            into.position(into.position() + n);
            return n;
        };
        WalReader reader = WalReader.open(held, wal.identity(), START);
        List<Lsn> ends = new ArrayList<>();
        for (Lsn end : wal.recordEnds()) {
            limit.set(end);
            while (reader.next()) {
                ends.add(reader.lastRecordEnd());
            }
            assertEquals(end, reader.lastRecordEnd(), () -> "stands still at " + reader.end());
            freed.set(SIZE.startOf(end));
            reader.again();
        }
        assertEquals(wal.recordEnds(), ends);
    }

    @Test
    void survivesRandomBytes() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        Random random = new Random(seed);
        WalCraft wal = begin().randomRecords(400, 3_000);
        byte[] good = wal.bytes();
        for (int run = 0; run < 300; run++) {
            byte[] spoiled = good.clone();
            int first = spoiled.length;
            for (int i = 0; i <= random.nextInt(20); i++) {
                int at = random.nextInt(spoiled.length);
                spoiled[at] ^= (byte) (1 + random.nextInt(255));
                first = Math.min(first, at);
            }
            ProvenEnd end = endOfFile(wal, spoiled);
            // Padding behind a record is under no checksum, so the end may lie further on; never before the first spoiled byte's record.
            Lsn atLeast = wal.lastRecordEndAt(START.plus(first));
            assertTrue(end.lastRecordEnd().isAtLeast(atLeast), "replay with -Dseed=" + seed);
        }
    }

    @Test
    void refusesAStartWhereNoRecordCanBe() {
        WalCraft wal = begin().record(100);
        assertThrows(IllegalArgumentException.class, () -> WalReader.open(wal.source(), wal.identity(), START.plus(12)));
        assertThrows(IllegalStateException.class, () -> WalReader.open(wal.source(), wal.identity(), START).header());
    }

    @Test
    void readsPagesAndARecordAsPostgresqlWroteThem() throws IOException {
        // The second page of PostgreSQL 15's first segment after initdb: XLP_BKP_REMOVABLE is set beside XLP_FIRST_IS_CONTRECORD.
        byte[] header = java.util.HexFormat.of().parseHex("10d1" + "0500" + "01000000" + "0020000100000000" + "35020000" + "00000000");
        assertEquals(
                new PageHeader(0xD110, 0x0005, 1, Lsn.parse("0/1002000"), 565, Optional.empty()), PageHeader.parse(header, 0));
        assertEquals(0x0005, PageHeader.BKP_REMOVABLE | PageHeader.FIRST_IS_CONTRECORD);
        assertEquals(0x0008, PageHeader.FIRST_IS_OVERWRITE_CONTRECORD);
        byte[] record = java.util.HexFormat.of().parseHex("6d020000" + "01000000" + "381f000100000000" + "b0" + "00" + "0000" + "17e427f3");
        assertEquals(
                new RecordHeader(621, 1, Lsn.parse("0/1001F38"), 0xB0, 0, 0xF327E417), RecordHeader.parse(record, 0));
    }

    @Test
    void readsEveryVersionsPages() throws IOException {
        for (WalVersion version : WalVersion.values()) {
            WalCraft wal = WalCraft.begin(version, SIZE, SYSTEM, TimelineHistory.root(new TimelineId(1)), START, SEED).record(9_000);
            assertEquals(wal.end(), endOf(wal).lastRecordEnd());
            PageHeader header = PageHeader.parse(wal.bytes(), 0);
            assertEquals(Optional.of(version), WalVersion.ofMagic(header.magic()));
            assertEquals(Optional.of(new PageHeader.Identification(7, 1 << 20, 8192)), header.identification());
        }
        assertEquals(Optional.empty(), WalVersion.ofMagic(0xD101));
    }
}
