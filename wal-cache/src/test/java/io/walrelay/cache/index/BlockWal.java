package io.walrelay.cache.index;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.WalCraft;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Puts records that refer to blocks into a {@link WalCraft} of version 15, and says what an index of them has to say. */
public final class BlockWal {

    private static final int IMAGE = 100;

    /** A block that may be changed several times. */
    public record Block(RelationFile relation, int fork, int block) {}

    /** Its first change. */
    public record First(Lsn at, boolean wholePage) {}

    private record Change(Lsn at, Block block, boolean wholePage) {}

    private final WalCraft wal;
    private final Random random;
    private final List<Change> changes = new ArrayList<>();

    public BlockWal(WalCraft wal, long seed) {
        this.wal = wal;
        this.random = new Random(seed);
    }

    public WalCraft wal() {
        return wal;
    }

    /** The WAL of a server that was promoted at the end of a record: what came before is the same. */
    public BlockWal after(WalCraft promoted, long seed) {
        BlockWal after = new BlockWal(promoted, seed);
        changes.stream().filter(change -> change.at.isBefore(promoted.end())).forEach(after.changes::add);
        return after;
    }

    /** Adds records of all sorts until WAL has {@code bytes} more. */
    public BlockWal random(long bytes) {
        Lsn end = wal.end().plus(bytes);
        while (wal.end().isBefore(end)) {
            heap(1 + random.nextInt(3), random.nextInt(20) == 0 ? 20_000 : random.nextInt(200));
        }
        return this;
    }

    /** Adds a record that changes so many blocks and has so much data. */
    public Lsn heap(int blocks, int data) {
        ByteBuffer payload = ByteBuffer.allocate(blocks * (30 + IMAGE) + data + 5).order(ByteOrder.LITTLE_ENDIAN);
        List<Block> named = new ArrayList<>();
        boolean[] whole = new boolean[blocks];
        int images = 0;
        for (int i = 0; i < blocks; i++) {
            int kind = random.nextInt(5);
            boolean image = kind <= 1;
            boolean init = kind == 2;
            // Of an image that is there to compare with nothing is written.
            whole[i] = init || kind == 0;
            images += image ? 1 : 0;
            Block block = block();
            named.add(block);
            payload.put((byte) i).put((byte) (block.fork | (image ? 0x10 : 0) | (init ? 0x40 : 0))).putShort((short) 0);
            if (image) {
                payload.putShort((short) IMAGE).putShort((short) 50).put((byte) (kind == 0 ? 3 : 1));
            }
            RelationFile relation = block.relation;
            payload.putInt(relation.tablespace()).putInt(relation.database()).putInt(relation.relation()).putInt(block.block);
        }
        payload.put((byte) 254).putInt(data).position(payload.position() + images * IMAGE + data);
        Lsn at = add(10, 0, Arrays.copyOf(payload.array(), payload.position()));
        for (int i = 0; i < blocks; i++) {
            changes.add(new Change(at, named.get(i), whole[i]));
        }
        return at;
    }

    private Block block() {
        int relation = random.nextInt(3);
        int block = random.nextInt(10) == 0 ? random.nextInt() : random.nextInt(300);
        return new Block(new RelationFile(relation == 0 ? -2 : 1663, 5, 16_384 + relation), random.nextInt(10) == 0 ? 2 : 0, block);
    }

    /** Adds a commit, which drops a relation if it has one. */
    public Lsn commit(long micros, RelationFile... dropped) {
        ByteBuffer main = ByteBuffer.allocate(16 + 12 * dropped.length).order(ByteOrder.LITTLE_ENDIAN).putLong(micros).putInt(4).putInt(dropped.length);
        for (RelationFile relation : dropped) {
            main.putInt(relation.tablespace()).putInt(relation.database()).putInt(relation.relation());
        }
        return dropped.length == 0 ? main(1, 0x00, Arrays.copyOf(main.array(), 8)) : main(1, 0x81, main.array());
    }

    /** Adds the record of a checkpoint that was made on timeline 1. */
    public Lsn checkpoint(Lsn redo) {
        return main(0, 0x10, ByteBuffer.allocate(88).order(ByteOrder.LITTLE_ENDIAN).putLong(redo.value()).putInt(1).putInt(1).array());
    }

    /** Adds a record of main data alone. */
    public Lsn main(int resourceManager, int info, byte[] main) {
        ByteBuffer payload = ByteBuffer.allocate(main.length + 2).put((byte) 255).put((byte) main.length).put(main);
        return add(resourceManager, info, payload.array());
    }

    private Lsn add(int resourceManager, int info, byte[] payload) {
        wal.record(resourceManager, info, payload);
        return wal.recordStarts().getLast();
    }

    /** What records change that start from {@code from} on and before {@code to}. */
    public Map<Block, First> expected(Lsn from, Lsn to) {
        Map<Block, First> expected = new LinkedHashMap<>();
        for (Change change : changes) {
            if (change.at.isAtLeast(from) && change.at.isBefore(to)) {
                expected.putIfAbsent(change.block, new First(change.at, change.wholePage));
            }
        }
        return expected;
    }

    /** As {@link #expected}, of what was found; for several stretches in the order of the log. */
    public static void add(ChangedBlocks found, Map<Block, First> to) {
        found.visit((relation, fork, block, first, wholePage) -> to.putIfAbsent(new Block(relation, fork, block), new First(first, wholePage)));
    }
}
