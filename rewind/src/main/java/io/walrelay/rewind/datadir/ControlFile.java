package io.walrelay.rewind.datadir;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * {@code global/pg_control} of PostgreSQL 13 to 18 (pg_control.h, ControlFileData), as it was read: values are checked, bytes that have no
 * meaning here are kept. Numbers are little-endian:
 *
 * <pre>
 *   0         8         12        16      24    32          40                     136          144
 *   | system  | version | catalog | state | time| checkpoint| copy of its record … | min rec.   | its timeline …
 *                                                           | redo | timeline | …
 *                                                           40     48
 *   176          216     220        224        228        252        256 (18: 257)   288 (18: 292)
 *   | wal_log_hints … | block | segment  | WAL block| WAL segm.| checksums| nonce …  | crc
 * </pre>
 *
 * Immutable.
 */
public final class ControlFile {

    public static final String PATH = "global/pg_control";

    /** Bytes of the file; what follows the CRC is zeros. */
    public static final int SIZE = 8192;

    /** Of data and of WAL, in bytes: the only ones that are supported. */
    private static final int BLOCK_SIZE = 8192;

    private static final int VERSION = 8;
    private static final int CATALOG_VERSION = 12;
    private static final int STATE = 16;
    private static final int CHECKPOINT = 32;
    private static final int REDO = 40;
    private static final int TIMELINE = 48;
    private static final int MIN_RECOVERY_POINT = 136;
    private static final int MIN_RECOVERY_POINT_TIMELINE = 144;
    private static final int BACKUP_START_POINT = 152;
    private static final int BACKUP_END_POINT = 160;
    private static final int BACKUP_END_REQUIRED = 168;
    private static final int WAL_LOG_HINTS = 176;
    private static final int BLCKSZ = 216;
    private static final int RELSEG_SIZE = 220;
    private static final int XLOG_BLCKSZ = 224;
    private static final int XLOG_SEG_SIZE = 228;
    private static final int DATA_CHECKSUM_VERSION = 252;

    /** Where what tells a checkpoint begins and ends in its record: redo, timelines and full_page_writes; nextOid to oldestMultiDB; time. */
    private static final int[][] CHECKPOINT_FIELDS = {{0, 17}, {32, 60}, {64, 72}};

    /** PG_CONTROL_VERSION of 13 to 16. */
    private static final int VERSION_13 = 1300;

    /** Of 17, which has wal_level where a checkpoint had padding. */
    private static final int VERSION_17 = 1700;

    private static final int CRC_13 = 288;

    /** Of 18, which has default_char_signedness before the nonce. */
    private static final int VERSION_18 = 1800;

    private static final int CRC_18 = 292;

    private final byte[] bytes;
    private final ByteBuffer fields;
    private final ClusterState state;
    private final SegmentSize segmentSize;

    private ControlFile(byte[] bytes, ClusterState state, SegmentSize segmentSize) {
        this.bytes = bytes;
        this.fields = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        this.state = state;
        this.segmentSize = segmentSize;
    }

    /**
     * @param whose for messages: {@code target}, {@code source}
     * @throws RefusedException when it is none, is damaged, or is of a server that is not supported
     */
    public static ControlFile parse(String whose, byte[] content) throws RefusedException {
        if (content.length != SIZE) {
            throw new RefusedException("unexpected control file size %d of the %s, expected %d".formatted(content.length, whose, SIZE));
        }
        ByteBuffer fields = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        int version = fields.getInt(VERSION);
        if (version != VERSION_13 && version != VERSION_17 && version != VERSION_18) {
            throw new RefusedException("the control file of the %s has version %d; expected %d (PostgreSQL 13 to 16), %d (17) or %d (18)"
                    .formatted(whose, version, VERSION_13, VERSION_17, VERSION_18));
        }
        int crc = fields.getInt(crcOffset(version));
        int computed = crc(content, version);
        if (crc != computed) {
            throw new RefusedException("unexpected control file CRC of the %s: the file says %08X, its bytes give %08X".formatted(whose, crc, computed));
        }
        int block = fields.getInt(BLCKSZ);
        int walBlock = fields.getInt(XLOG_BLCKSZ);
        if (block != BLOCK_SIZE || walBlock != BLOCK_SIZE) {
            throw new RefusedException(
                    "the %s has blocks of %d bytes and WAL blocks of %d; only %d is supported".formatted(whose, block, walBlock, BLOCK_SIZE));
        }
        int number = fields.getInt(STATE);
        ClusterState state = ClusterState.ofNumber(number)
                .orElseThrow(() -> new RefusedException("the control file of the %s has state %d; expected 0 to 6".formatted(whose, number)));
        try {
            return new ControlFile(content.clone(), state, new SegmentSize(fields.getInt(XLOG_SEG_SIZE)));
        } catch (IllegalArgumentException e) {
            throw new RefusedException("the control file of the %s is not right: %s".formatted(whose, e.getMessage()));
        }
    }

    private static int crcOffset(int version) {
        return version == VERSION_18 ? CRC_18 : CRC_13;
    }

    private static int crc(byte[] content, int version) {
        CRC32C crc = new CRC32C();
        crc.update(content, 0, crcOffset(version));
        return (int) crc.getValue();
    }

    public SystemId systemId() {
        return new SystemId(fields.getLong(0));
    }

    /** PG_CONTROL_VERSION. */
    public int version() {
        return fields.getInt(VERSION);
    }

    /** CATALOG_VERSION_NO: servers can only share files when it is the same. */
    public int catalogVersion() {
        return fields.getInt(CATALOG_VERSION);
    }

    public ClusterState state() {
        return state;
    }

    /** Where the last checkpoint's record begins; of a standby, the last restartpoint's. */
    public Lsn checkpoint() {
        return new Lsn(fields.getLong(CHECKPOINT));
    }

    /**
     * Whether a checkpoint's record is the one that this has a copy of: all fields of it (pg_control.h, CheckPoint) up to its time of day are the same, but for
     * nextXid, which recovery keeps up to date in the copy, and what 17 has where there was padding.
     *
     * @param checkpoint the record's data
     */
    public boolean isOf(ByteBuffer checkpoint) {
        return Arrays.stream(CHECKPOINT_FIELDS).allMatch(field -> checkpoint.remaining() >= field[1]
                && checkpoint.slice(checkpoint.position() + field[0], field[1] - field[0]).equals(ByteBuffer.wrap(bytes, REDO + field[0], field[1] - field[0])));
    }

    /** From where that checkpoint replays. */
    public Lsn redo() {
        return new Lsn(fields.getLong(REDO));
    }

    /** The timeline that the last checkpoint was made on. */
    public TimelineId checkpointTimeline() {
        return new TimelineId(fields.getInt(TIMELINE));
    }

    /** How far a recovery has to go before the files are consistent; invalid when there is none. */
    public Lsn minRecoveryPoint() {
        return new Lsn(fields.getLong(MIN_RECOVERY_POINT));
    }

    /** Empty without a {@link #minRecoveryPoint}. */
    public Optional<TimelineId> minRecoveryPointTimeline() {
        int timeline = fields.getInt(MIN_RECOVERY_POINT_TIMELINE);
        return timeline == 0 ? Optional.empty() : Optional.of(new TimelineId(timeline));
    }

    /** The timeline that the server was on: after a promotion, and before the checkpoint that follows it, only the end of recovery tells it. */
    public TimelineId timeline() {
        TimelineId checkpoint = checkpointTimeline();
        return minRecoveryPointTimeline().filter(t -> t.compareTo(checkpoint) > 0).orElse(checkpoint);
    }

    /** Whether the server is a copy that has not replayed all that it needs to be consistent. */
    public boolean awaitsConsistency() {
        return fields.getLong(BACKUP_START_POINT) != 0 || fields.getLong(BACKUP_END_POINT) != 0 || bytes[BACKUP_END_REQUIRED] != 0;
    }

    public boolean walLogHints() {
        return bytes[WAL_LOG_HINTS] != 0;
    }

    public boolean dataChecksums() {
        return fields.getInt(DATA_CHECKSUM_VERSION) != 0;
    }

    public SegmentSize segmentSize() {
        return segmentSize;
    }

    /** Blocks of a relation's file before the next begins. */
    public int blocksPerFile() {
        return fields.getInt(RELSEG_SIZE);
    }

    /** The bytes of the whole file. */
    public byte[] bytes() {
        return bytes.clone();
    }

    /** This file as a server finds it that is to replay up to {@code end} on {@code timeline} before it is consistent. */
    public ControlFile inRecoveryUpTo(Lsn end, TimelineId timeline) {
        byte[] changed = bytes.clone();
        ByteBuffer into = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
        into.putInt(STATE, ClusterState.IN_ARCHIVE_RECOVERY.number());
        into.putLong(MIN_RECOVERY_POINT, end.value());
        into.putInt(MIN_RECOVERY_POINT_TIMELINE, timeline.value());
        into.putInt(crcOffset(version()), crc(changed, version()));
        return new ControlFile(changed, ClusterState.IN_ARCHIVE_RECOVERY, segmentSize);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ControlFile that && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /** What a rewind looks at. */
    @Override
    public String toString() {
        return "%s, timeline %s, checkpoint %s, redo %s, minRecoveryPoint %s".formatted(state, timeline(), checkpoint(), redo(), minRecoveryPoint());
    }
}
