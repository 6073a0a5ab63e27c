package io.walrelay.rewind.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.rewind.plan.FileAction.Clear;
import io.walrelay.rewind.plan.FileAction.Copy;
import io.walrelay.rewind.plan.FileAction.CopyBlocks;
import io.walrelay.rewind.plan.FileAction.CopyTail;
import io.walrelay.rewind.plan.FileAction.Install;
import io.walrelay.rewind.plan.FileAction.MakeDirectory;
import io.walrelay.rewind.plan.FileAction.MakeLink;
import io.walrelay.rewind.plan.FileAction.Range;
import io.walrelay.rewind.plan.FileAction.Remove;
import io.walrelay.rewind.plan.FileAction.Rewrite;
import io.walrelay.rewind.plan.FileAction.Truncate;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.RelationFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * The target was primary on timeline 1 and went on; the source was promoted from it. Segments of 16 MB:
 *
 * <pre>
 *   segment       2   |   3   |   4   |   5   |   6
 *   target  1  ─────────C──────────────────fork────────▶ orphan
 *   source  2         redo                   └──────────▶
 * </pre>
 */
class RewindPlanTest {

    private static final int SEGMENT = 16 << 20;
    private static final Lsn REDO = Lsn.parse("0/3000028");
    private static final Lsn FORK = Lsn.parse("0/5002830");
    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));

    private final List<FileEntry> source = new ArrayList<>();
    private final List<FileEntry> target = new ArrayList<>();
    private final BlockMap changed = new BlockMap(131_072);
    private final Map<String, Path> restored = new HashMap<>();
    private Lsn targetEnd = Lsn.parse("0/6000100");
    private Scope scope = Scope.ALL;
    private @Nullable WholePages whole;

    private RewindPlan plan() throws RefusedException {
        ControlFile control = ControlFileCraft.of15().read();
        Side ours = new Side(control, 15, ONE);
        Side theirs = new Side(ControlFileCraft.of15().checkpoint(0x5003000, 0x5002858, 2).read(), 15, ONE.promoted(new TimelineId(2), FORK, ""));
        ReplayStart start = new ReplayStart(REDO, Lsn.parse("0/3000060"), new TimelineId(1), ReplayStart.Reason.COMMON);
        Divergence divergence = Divergence.between(ours.history(), theirs.history()).orElseThrow();
        return RewindPlan.decide(new RewindPlan.Facts(ours, theirs, divergence, start, start, targetEnd, changed, Optional.ofNullable(whole), restored), source, target, scope);
    }

    /** Of those a journal on another file system has to hold a copy. */
    @Test
    void filesThatGoAsAWholeAreCounted() throws RefusedException {
        target.add(FileEntry.regular("pg_xact/0000", 1000));
        source.add(FileEntry.regular("pg_xact/0000", 8000));
        target.add(FileEntry.directory("base/6"));
        target.add(FileEntry.regular("base/6/1", 200));
        both(FileEntry.regular("base/5/1", 8192));
        assertEquals(1200, plan().space().replacedBytes());
    }

    private void both(FileEntry file) {
        source.add(file);
        target.add(file);
    }

    @Test
    void relationsAreComparedBySizeAndByTheBlocksThatTheTargetsWalNames() throws RefusedException {
        both(FileEntry.regular("base/5/1", 80_000 / 8192 * 8192));
        source.add(FileEntry.regular("base/5/2", 5 * 8192));
        target.add(FileEntry.regular("base/5/2", 3 * 8192));
        source.add(FileEntry.regular("base/5/3", 3 * 8192));
        target.add(FileEntry.regular("base/5/3", 5 * 8192));
        both(FileEntry.regular("base/5/4", 8192));
        source.add(FileEntry.regular("base/5/5", 8192));
        target.add(FileEntry.regular("base/5/6", 8192));
        for (int block : new int[] {1, 2, 5, 9}) {
            changed.add(1663, 5, 1, block);
        }
        for (int relation : new int[] {2, 3, 5, 6, 77}) {
            changed.add(1663, 5, relation, 2);
            changed.add(1663, 5, relation, 4);
        }

        assertEquals(
                List.of(
                        new Copy("base/5/5", 8192),
                        // The file has nine blocks.
                        new CopyBlocks("base/5/1", List.of(new Range(8192, 16_384), new Range(5 * 8192, 8192))),
                        new CopyBlocks("base/5/2", List.of(new Range(2 * 8192, 8192))),
                        new CopyTail("base/5/2", 3 * 8192, 5 * 8192),
                        new CopyBlocks("base/5/3", List.of(new Range(2 * 8192, 8192))),
                        new Truncate("base/5/3", 5 * 8192, 3 * 8192),
                        new Remove("base/5/6")),
                plan().actions());
        assertEquals(8192 + 3 * 8192 + 8192 + 2 * 8192 + 8192, plan().bytesToFetch());
    }

    /** Both have the same paths and sizes, and the target's WAL names no block under them, or few. */
    @Test
    void filesThatTheTargetMadeAnewAreNotComparedByBlocks() throws RefusedException {
        both(FileEntry.regular("base/5/1", 9 * 8192));
        both(FileEntry.regular("base/6/1", 9 * 8192));
        both(FileEntry.regular("base/6/1.1", 8192));
        both(FileEntry.regular("base/7/2", 9 * 8192));
        both(FileEntry.regular("base/7/3", 9 * 8192));
        both(FileEntry.regular("base/7/3.1", 9 * 8192));
        both(FileEntry.regular("base/7/4", 9 * 8192));
        both(FileEntry.regular("pg_tblspc/16400/PG_15_202209061/7/1", 8192));
        changed.add(new FileChange.DatabaseCopied(1663, 6, 16500, 6));
        changed.add(new FileChange.RelationCreated(new RelationFile(1663, 7, 2), 0));
        changed.add(new FileChange.RelationTruncated(new RelationFile(1663, 7, 3), 7, true, true, true));
        changed.add(new FileChange.RelationTruncated(new RelationFile(1663, 7, 3), 8, true, true, true));
        changed.add(new FileChange.RelationTruncated(new RelationFile(1663, 7, 4), 0, false, true, true));
        changed.add(new FileChange.TablespaceCreated(16400, "/there"));
        changed.add(1663, 7, 3, 2);

        assertEquals(
                List.of(
                        new Copy("base/6/1", 9 * 8192),
                        new Copy("base/6/1.1", 8192),
                        new Copy("base/7/2", 9 * 8192),
                        new Copy("base/7/3.1", 9 * 8192),
                        new Copy("pg_tblspc/16400/PG_15_202209061/7/1", 8192),
                        new CopyBlocks("base/7/3", List.of(new Range(2 * 8192, 8192), new Range(7 * 8192, 2 * 8192)))),
                plan().actions());
    }

    @Test
    void blocksThatTheReplayWritesAnewAreNotFetchedButRemembered() throws RefusedException {
        both(FileEntry.regular("base/5/1", 9 * 8192));
        both(FileEntry.regular("base/5/2", 9 * 8192));
        BlockMap written = new BlockMap(131_072);
        for (int block : new int[] {1, 2, 5, 6}) {
            changed.add(1663, 5, 1, block);
            written.add(1663, 5, 1, block + 1);
        }
        changed.add(1663, 5, 2, 3);
        written.add(1663, 5, 2, 3);
        whole = new WholePages(written, REDO, Lsn.parse("0/7000000"));

        RewindPlan plan = plan();

        assertEquals(List.of(new CopyBlocks("base/5/1", List.of(new Range(8192, 8192), new Range(5 * 8192, 8192)))), plan.actions());
        assertEquals(Lsn.parse("0/7000000"), plan.replayAtLeast());
        byte[] note = plan.skipped().encode(Lsn.parse("0/7000100"));
        assertEquals("until 0/7000100\nbase/5/1 2,6\nbase/5/2 3\n", new String(note, StandardCharsets.UTF_8));
        assertEquals(Lsn.parse("0/7000100"), SkippedBlocks.replayEnd(note));
        assertEquals(Lsn.LAST, SkippedBlocks.replayEnd("base/5/1 2\n".getBytes(StandardCharsets.UTF_8)), "of an earlier version: it counts always");
        assertThrows(RefusedException.class, () -> SkippedBlocks.replayEnd("until 1\n".getBytes(StandardCharsets.UTF_8)));
        BlockMap again = new BlockMap(131_072);
        SkippedBlocks.addTo(again, "base/5/1 2-4,6\n".getBytes(StandardCharsets.UTF_8), new RelationPath.Names(15, 202209061));
        assertEquals(BitSet.valueOf(new long[] {0b101_1100}), again.of(new RelationPath(new RelationFile(1663, 5, 1), 0)));
    }

    @Test
    void allElseIsCopiedWholeAndWhatServersMakeThemselvesGoes() throws RefusedException {
        both(FileEntry.directory("pg_xact"));
        both(FileEntry.regular("pg_xact/0000", 8192));
        both(FileEntry.regular("base/5/1_vm", 8192));
        both(FileEntry.regular("global/pg_control", 8192));
        both(FileEntry.regular("PG_VERSION", 3));
        both(FileEntry.regular("base/5/PG_VERSION", 3));
        both(FileEntry.regular("postgresql.auto.conf", 88));
        both(FileEntry.regular("base/5/pg_internal.init", 100));
        both(FileEntry.regular("pg_stat_tmp/global.stat", 100));
        both(FileEntry.regular("base/pgsql_tmp/pgsql_tmp12.0", 100));
        source.add(FileEntry.regular("postmaster.pid", 88));
        source.add(FileEntry.regular("pg_replslot/s/state", 88));
        source.add(FileEntry.regular("pg_wal/summaries/x.summary", 88));
        target.add(FileEntry.regular("postmaster.opts", 88));
        target.add(FileEntry.regular("walrelay.rewound", 88));
        both(FileEntry.regular("somewhere/.DS_Store", 88));

        assertEquals(
                List.of(
                        new Copy("base/5/1_vm", 8192),
                        new Copy("pg_xact/0000", 8192),
                        new Remove("walrelay.rewound"),
                        new Remove("postmaster.opts"),
                        new Remove("pg_stat_tmp/global.stat"),
                        new Remove("base/pgsql_tmp/pgsql_tmp12.0"),
                        new Remove("base/5/pg_internal.init")),
                plan().actions());
    }

    @Test
    void directoriesAndLinksAreMadeFirstAndRemovedAsAWhole() throws RefusedException {
        source.add(FileEntry.link("pg_tblspc/16400", "/elsewhere"));
        source.add(FileEntry.directory("pg_tblspc/16400/PG_15_202209061"));
        source.add(FileEntry.directory("base/6"));
        source.add(FileEntry.regular("base/6/1", 8192));
        target.add(FileEntry.directory("base/7"));
        target.add(FileEntry.directory("base/7/sub"));
        target.add(FileEntry.regular("base/7/1", 8192));
        target.add(FileEntry.link("pg_tblspc/16500", "/there"));
        target.add(FileEntry.directory("pg_tblspc/16500/PG_15_202209061"));
        target.add(FileEntry.regular("pg_tblspc/16500/PG_15_202209061/PG_VERSION", 3));
        source.add(FileEntry.link("pg_wal", "/source/wal"));
        target.add(FileEntry.directory("pg_wal"));

        assertEquals(
                List.of(
                        new MakeDirectory("base/6"),
                        new MakeLink("pg_tblspc/16400", "/elsewhere"),
                        new MakeDirectory("pg_tblspc/16400/PG_15_202209061"),
                        new Copy("base/6/1", 8192),
                        new Remove("pg_tblspc/16500/PG_15_202209061"),
                        new Remove("pg_tblspc/16500"),
                        new Remove("base/7")),
                plan().actions());
        assertEquals(Map.of("", 8192L), plan().space().newBytes());
    }

    @Test
    void noWalOfTheOrphanIsLeftAndNoneIsCopiedThatBothHave() throws RefusedException {
        // Older than the replay start, shared, and with the fork in it.
        both(FileEntry.regular("pg_wal/000000010000000000000002", SEGMENT));
        both(FileEntry.regular("pg_wal/000000010000000000000003", SEGMENT));
        source.add(FileEntry.regular("pg_wal/000000010000000000000004", SEGMENT));
        both(FileEntry.regular("pg_wal/000000010000000000000005", SEGMENT));
        source.add(FileEntry.regular("pg_wal/000000020000000000000005", SEGMENT));
        source.add(FileEntry.regular("pg_wal/00000002.history", 40));
        both(FileEntry.regular("pg_wal/archive_status/000000010000000000000002.done", 0));
        target.add(FileEntry.regular("pg_wal/000000010000000000000006", SEGMENT));
        target.add(FileEntry.regular("pg_wal/archive_status/000000010000000000000005.ready", 0));
        target.add(FileEntry.regular("pg_wal/00000007.history", 40));

        assertEquals(
                List.of(
                        new Copy("pg_wal/000000010000000000000004", SEGMENT),
                        new Copy("pg_wal/000000010000000000000005", SEGMENT),
                        new Copy("pg_wal/00000002.history", 40),
                        new Copy("pg_wal/000000020000000000000005", SEGMENT),
                        new Remove("pg_wal/archive_status/000000010000000000000005.ready"),
                        new Remove("pg_wal/00000007.history"),
                        new Remove("pg_wal/000000010000000000000006")),
                plan().actions());
        assertEquals(List.of("pg_wal/000000010000000000000003"), plan().kept());
    }

    @Test
    void walThatTheSourceHasNoMoreIsKeptUpToTheFork() throws RefusedException {
        for (int number = 2; number <= 6; number++) {
            target.add(FileEntry.regular("pg_wal/00000001000000000000000" + number, SEGMENT));
        }

        assertEquals(
                List.of(
                        new Clear("pg_wal/000000010000000000000005", 0x2830, SEGMENT),
                        new Remove("pg_wal/000000010000000000000006"),
                        new Remove("pg_wal/000000010000000000000002")),
                plan().actions());
        assertEquals(
                List.of("pg_wal/000000010000000000000003", "pg_wal/000000010000000000000004", "pg_wal/000000010000000000000005"), plan().kept());
    }

    @Test
    void theForksSegmentGoesWhereTheSourceHasItOnItsOwnTimeline() throws RefusedException {
        target.add(FileEntry.regular("pg_wal/000000010000000000000005", SEGMENT));
        source.add(FileEntry.regular("pg_wal/000000020000000000000005", SEGMENT));

        assertEquals(
                List.of(new Copy("pg_wal/000000020000000000000005", SEGMENT), new Remove("pg_wal/000000010000000000000005")), plan().actions());
    }

    /** A server that streams gets histories only; its own WAL before the fork may stay, and is needed on 13 and 14. */
    @Test
    void withARelayNoWalIsCopied() throws RefusedException {
        scope = new Scope(false, false, false);
        both(FileEntry.regular("pg_wal/000000010000000000000002", SEGMENT));
        both(FileEntry.regular("pg_wal/000000010000000000000003", SEGMENT));
        source.add(FileEntry.regular("pg_wal/000000010000000000000004", SEGMENT));
        both(FileEntry.regular("pg_wal/000000010000000000000005", SEGMENT));
        both(FileEntry.regular("pg_wal/000000020000000000000005", SEGMENT));
        source.add(FileEntry.regular("pg_wal/00000002.history", 40));
        source.add(FileEntry.directory("pg_wal/archive_status"));
        target.add(FileEntry.regular("pg_wal/000000010000000000000006", SEGMENT));
        target.add(FileEntry.regular("pg_wal/000000010000000000000005.partial", SEGMENT));
        target.add(FileEntry.regular("pg_wal/archive_status/000000010000000000000005.ready", 0));
        target.add(FileEntry.regular("pg_wal/00000007.history", 40));

        List<FileAction> rest = List.of(
                new Clear("pg_wal/000000010000000000000005", 0x2830, SEGMENT),
                new Remove("pg_wal/archive_status/000000010000000000000005.ready"),
                new Remove("pg_wal/00000007.history"),
                new Remove("pg_wal/000000020000000000000005"),
                new Remove("pg_wal/000000010000000000000006"),
                new Remove("pg_wal/000000010000000000000005.partial"));
        List<FileAction> actions = new ArrayList<>(List.of(new Copy("pg_wal/00000002.history", 40)));
        actions.addAll(rest);
        assertEquals(actions, plan().actions());
        assertEquals(List.of("pg_wal/000000010000000000000003", "pg_wal/000000010000000000000005"), plan().kept());

        scope = new Scope(false, true, false);
        actions.addFirst(new Copy("pg_wal/000000010000000000000004", SEGMENT));
        assertEquals(actions, plan().actions());

        source.removeIf(file -> file.path().endsWith("000000010000000000000004"));
        assertEquals(List.of("000000010000000000000004"), plan().missing());
        assertEquals(Optional.empty(), plan().gap());
    }

    /** It is written into the files that are there, when all but removals is done: what they include is there as long as they are. */
    @Test
    void configurationThatBothHaveIsRewrittenLate() throws RefusedException {
        source.add(FileEntry.regular("a.conf", 5));
        target.add(FileEntry.regular("a.conf", 7));
        source.add(FileEntry.regular("new.conf", 5));
        target.add(FileEntry.regular("old.conf", 5));
        both(FileEntry.regular("pg_xact/0000", 5));

        assertEquals(
                List.of(new Copy("new.conf", 5), new Copy("pg_xact/0000", 5), new Rewrite("a.conf", 7, 5), new Remove("old.conf")), plan().actions());
    }

    @Test
    void withARelayConfigurationStaysAsItIs() throws RefusedException {
        scope = new Scope(false, false, false);
        both(FileEntry.regular("postgresql.conf", 5));
        source.add(FileEntry.regular("server.key", 5));
        target.add(FileEntry.regular("mine/x", 5));
        target.add(FileEntry.regular("standby.signal", 0));
        both(FileEntry.regular("pg_xact/0000", 5));
        target.add(FileEntry.regular("backup_label", 5));

        assertEquals(List.of(new Copy("pg_xact/0000", 5), new Remove("backup_label")), plan().actions());
    }

    /** What only the archive has is put into pg_wal, without the orphan's part. */
    @Test
    void segmentsThatNeitherHasAreInstalledFromTheArchive() throws RefusedException {
        target.add(FileEntry.regular("pg_wal/000000010000000000000004", SEGMENT));
        restored.put("000000010000000000000002", Path.of("/tmp/2"));
        restored.put("000000010000000000000003", Path.of("/tmp/3"));
        assertEquals(List.of("000000010000000000000005"), plan().missing());
        assertEquals(Optional.of("000000020000000000000005"), plan().gap());

        restored.put("000000010000000000000005", Path.of("/tmp/5"));
        assertEquals(
                List.of(
                        new Install("pg_wal/000000010000000000000003", Path.of("/tmp/3"), SEGMENT, SEGMENT),
                        new Install("pg_wal/000000010000000000000005", Path.of("/tmp/5"), 0x2830, SEGMENT)),
                plan().actions());
        assertEquals(List.of(), plan().missing());

        source.add(FileEntry.regular("pg_wal/000000020000000000000005", SEGMENT));
        assertEquals(
                List.of(
                        new Copy("pg_wal/000000020000000000000005", SEGMENT),
                        new Install("pg_wal/000000010000000000000003", Path.of("/tmp/3"), SEGMENT, SEGMENT)),
                plan().actions());
        assertEquals(Optional.empty(), plan().gap());
    }

    /** A primary that crashed in segment 4: the rest of it, and what is called 5, was never flushed or is recycled. */
    @Test
    void walAfterTheTargetsLastValidRecordIsNoneOfTheLineage() throws RefusedException {
        targetEnd = Lsn.parse("0/4000100");
        both(FileEntry.regular("pg_wal/000000010000000000000003", SEGMENT));
        both(FileEntry.regular("pg_wal/000000010000000000000004", SEGMENT));
        target.add(FileEntry.regular("pg_wal/000000010000000000000005", SEGMENT));

        assertEquals(
                List.of(new Copy("pg_wal/000000010000000000000004", SEGMENT), new Remove("pg_wal/000000010000000000000005")),
                plan().actions());
        assertEquals(List.of("pg_wal/000000010000000000000003"), plan().kept());

        scope = new Scope(false, true, false);
        assertEquals(List.of("000000010000000000000005"), plan().missing());
        source.add(FileEntry.regular("pg_wal/000000010000000000000005", SEGMENT));
        assertEquals(
                List.of(new Copy("pg_wal/000000010000000000000004", SEGMENT), new Copy("pg_wal/000000010000000000000005", SEGMENT)),
                plan().actions());
    }

    @Test
    void onePathThatIsTwoThingsIsRefused() {
        source.add(FileEntry.directory("x"));
        target.add(FileEntry.regular("x", 5));
        assertThrows(RefusedException.class, this::plan);
        source.clear();
        source.add(FileEntry.directory("base/5/16384"));
        assertThrows(RefusedException.class, this::plan);
    }
}
