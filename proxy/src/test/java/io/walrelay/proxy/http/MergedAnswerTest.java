package io.walrelay.proxy.http;

import static io.walrelay.proxy.http.WalServer.MB;
import static io.walrelay.proxy.http.WalServer.ORIGIN;
import static io.walrelay.proxy.http.WalServer.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.index.BlockWal;
import io.walrelay.proxy.cli.RelayChanges;
import io.walrelay.proxy.client.ApiLines;
import io.walrelay.proxy.client.Relays;
import io.walrelay.proxy.client.SegmentPieces;
import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.rewind.plan.MergedChanges;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.RelationFile;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a rewind asks a relay for, asked and read by the rewind's own code. */
class MergedAnswerTest {

    @TempDir
    private Path directory;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private final BlockWal blocks = new BlockWal(WalServer.craft(seed), seed);

    private WalServer serve() throws Exception {
        return WalServer.holding(directory, Optional.empty(), blocks.wal(), ORIGIN);
    }

    private static Relays relays(WalServer server) {
        return new Relays(List.of(URI.create("http://127.0.0.1:" + server.port())), Optional.empty(), Optional.empty(), Duration.ofSeconds(10));
    }

    private static HeldChanges changes(WalServer server, TimelineHistory lineage) {
        return new RelayChanges(new ApiLines(relays(server)), lineage);
    }

    private Map<BlockWal.Block, Boolean> expected(Lsn from, Lsn to) {
        Map<BlockWal.Block, Boolean> expected = new HashMap<>();
        blocks.expected(from, to).forEach((block, first) -> {
            if (block.fork() == 0) {
                expected.put(block, first.wholePage());
            }
        });
        return expected;
    }

    private static Map<BlockWal.Block, Boolean> said(MergedChanges changes) {
        Map<BlockWal.Block, Boolean> said = new HashMap<>();
        for (MergedChanges.Blocks run : changes.blocks()) {
            for (int i = 0; i < run.count(); i++) {
                said.putIfAbsent(new BlockWal.Block(run.relation(), 0, run.first() + i), run.wholePage());
            }
        }
        return said;
    }

    @Test
    void aStretchComesAsTheRecordsHaveIt() throws Exception {
        blocks.random(7 * MB / 2);
        Lsn end = blocks.wal().end();
        try (WalServer server = serve()) {
            HeldChanges held = changes(server, blocks.wal().history());
            MergedChanges all = held.changes(ORIGIN, Optional.empty()).orElseThrow();
            assertEquals(end, all.end());
            assertTrue(expected(ORIGIN, end).equals(said(all)), () -> "seed " + seed);
            for (int i = 0; i < 5; i++) {
                Lsn from = ORIGIN.plus(random.nextLong(end.minus(ORIGIN)));
                Lsn to = from.plus(random.nextLong(end.minus(from) + 1));
                MergedChanges part = held.changes(from, Optional.of(to)).orElseThrow();
                assertEquals(to, part.end());
                assertTrue(expected(from, to).equals(said(part)), () -> "from %s to %s, seed %d".formatted(from, to, seed));
            }
        }
    }

    /** storage_xlog.h, dbcommands_xlog.h, tablespace.h, relmapper.h */
    @Test
    void whatChangesFilesComesAsItIs() throws Exception {
        blocks.main(2, 0x11, bytes("7f060000 05000000 00400000 00000000"));
        blocks.main(2, 0x21, bytes("07000000 7f060000 05000000 00400000 05000000"));
        blocks.main(4, 0x01, bytes("00400000 7f060000 01000000 7f060000"));
        blocks.main(4, 0x11, bytes("00400000 7f060000"));
        blocks.main(4, 0x21, bytes("00400000 02000000 7f060000 ffffffff"));
        blocks.main(5, 0x00, bytes("ffffffff 2f742f2200"));
        blocks.main(5, 0x10, bytes("ffffffff"));
        blocks.main(7, 0x00, bytes("05000000 7f060000 00020000"));
        blocks.main(200, 0x30, new byte[8]);
        blocks.main(200, 0x41, new byte[8]);
        blocks.commit(1, new RelationFile(1663, 5, 16384));
        RelationFile relation = new RelationFile(1663, 5, 16384);
        try (WalServer server = serve()) {
            MergedChanges merged = changes(server, blocks.wal().history()).changes(ORIGIN, Optional.empty()).orElseThrow();
            assertEquals(
                    List.of(
                            new FileChange.RelationCreated(relation, 0),
                            new FileChange.RelationTruncated(relation, 7, true, false, true),
                            new FileChange.DatabaseCopied(1663, 16384, 1663, 1),
                            new FileChange.DatabaseCreated(1663, 16384),
                            new FileChange.DatabaseDropped(16384, List.of(1663, -1)),
                            new FileChange.TablespaceCreated(-1, "/t/\""),
                            new FileChange.TablespaceDropped(-1),
                            new FileChange.RelationMapUpdated(1663, 5),
                            new FileChange.Unknown(200, 0x30),
                            new FileChange.Unknown(200, 0x41)),
                    merged.files().stream().map(MergedChanges.File::change).toList());
            assertEquals(blocks.wal().recordStarts().subList(0, 10), merged.files().stream().map(MergedChanges.File::at).toList());
        }
    }

    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex.replace(" ", ""));
    }

    @Test
    void whatIsNotHeldOrNotKnownIsNoFault() throws Exception {
        blocks.random(MB);
        if (SEGMENT.startOf(blocks.wal().end()).equals(blocks.wal().end())) {
            // Else there is nothing yet of the segment in which it ends.
            blocks.random(1_000);
        }
        Lsn end = blocks.wal().end();
        try (WalServer server = serve()) {
            HeldChanges held = changes(server, blocks.wal().history());
            assertEquals(Optional.empty(), held.changes(ORIGIN, Optional.of(end.plus(8))));
            assertEquals(Optional.empty(), held.changes(ORIGIN.plus(-8), Optional.of(end)));
            assertEquals(Optional.empty(), held.changes(ORIGIN.plus(-8), Optional.empty()), "its start is not held");
            assertEquals(Optional.empty(), held.changes(end.plus(MB), Optional.empty()));
            HeldChanges another = changes(server, TimelineHistory.root(TimelineId.of(1)).promoted(TimelineId.of(2), end, ""));
            assertEquals(Optional.empty(), another.changes(ORIGIN, Optional.empty()));
            assertEquals(List.of(), another.segments(ORIGIN, end));
            assertEquals(List.of(), held.segments(ORIGIN, end), "no index yet");
            HeldChanges.Segment last = held.beginning(end).orElseThrow();
            assertEquals(List.of(SEGMENT.startOf(end), WalServer.name(blocks.wal(), end)), List.of(last.start(), last.name()));
            assertEquals(Optional.empty(), held.beginning(end.plus(8)));
            assertEquals("{\"end\":true}\n", WalServer.text(server.get("/api/v1/segments?from=%s&to=%s".formatted(ORIGIN, SEGMENT.startOf(end)))));
        }
        try (WalServer server = WalServer.empty(directory.resolve("empty"))) {
            HeldChanges held = changes(server, blocks.wal().history());
            IOException unknown = assertThrows(IOException.class, () -> held.changes(ORIGIN, Optional.empty()));
            assertTrue(String.valueOf(unknown.getMessage()).contains("no WAL yet"), unknown.toString());
            assertThrows(IOException.class, () -> held.segments(ORIGIN, end));
        }
    }

    @Test
    void segmentsEndWhereWalEnds() throws Exception {
        blocks.random(MB);
        try (WalServer server = serve()) {
            for (String from : List.of(ORIGIN.toString(), "FFFFFFFF/FFFFFF00")) {
                String all = WalServer.text(server.get("/api/v1/segments?from=%s&to=FFFFFFFF/FFFFFFFF".formatted(from)));
                assertEquals("{\"end\":true}\n", all);
            }
        }
    }

    @Test
    void anAnswerThatIsCutOffIsNone() throws Exception {
        blocks.random(3 * MB);
        Lsn end = blocks.wal().end();
        blocks.wal().corrupt(blocks.wal().recordStarts().get(blocks.wal().recordStarts().size() * 2 / 3).plus(40));
        try (WalServer server = serve()) {
            HeldChanges held = changes(server, blocks.wal().history());
            assertThrows(IOException.class, () -> held.changes(ORIGIN, Optional.of(end)));
            assertThrows(IOException.class, () -> held.changes(ORIGIN, Optional.empty()));
        }
    }

    @Test
    void ofASegmentAsMuchComesAsIsRead() throws Exception {
        blocks.random(5 * MB / 2);
        byte[] segment = blocks.wal().segment(SEGMENT.segmentNumber(ORIGIN));
        try (WalServer server = serve()) {
            SegmentPieces pieces = pieces(server, ORIGIN);
            assertTrue(pieces.isThere());
            for (int i = 0; i < 50; i++) {
                int at = random.nextInt(segment.length);
                ByteBuffer into = ByteBuffer.allocate(random.nextInt(1, 300_000));
                int count = pieces.read(into, at);
                assertEquals(into.position(), count);
                assertArrayEquals(Arrays.copyOfRange(segment, at, at + count), Arrays.copyOf(into.array(), count), () -> "at %d, seed %d".formatted(at, seed));
            }
            assertFalse(pieces(server, ORIGIN.plus(100 * MB)).isThere());
        }
        try (WalServer server = WalServer.empty(directory.resolve("empty"))) {
            assertThrows(IOException.class, () -> pieces(server, ORIGIN).isThere());
        }
    }

    private static SegmentPieces pieces(WalServer server, Lsn at) {
        return new SegmentPieces(relays(server), new WalFileName.Segment(SegmentId.at(TimelineId.of(1), at, SEGMENT)).fileName(SEGMENT), Optional.of("1"), 0);
    }
}
