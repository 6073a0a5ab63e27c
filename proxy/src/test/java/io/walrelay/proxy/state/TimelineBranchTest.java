package io.walrelay.proxy.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.cache.WalCache;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * <pre>
 *   timeline 1  ──────●─────── acknowledged up to 0/1010000: an orphan
 *   timeline 2        └●       left where it began
 *   timeline 4         └────
 * </pre>
 */
class TimelineBranchTest {

    private static final Lsn FORK = Lsn.parse("0/1009000");

    @TempDir
    private Path directory;

    @Test
    void anOrphanHangsOnTheTimelineThatItWasCutOff() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            WalCache cache = relay.state().cache().orElseThrow();
            TimelineHistory one = cache.end().lineage();
            TimelineHistory two = one.promoted(TimelineId.of(2), FORK, "no recovery target specified");
            TimelineHistory four = two.promoted(TimelineId.of(4), FORK, "");
            cache.follow(four, four.format().getBytes(StandardCharsets.US_ASCII), KnownRelay.WRITTEN);
            assertEquals(
                    List.of(
                            new TimelineBranch(one.id(), Optional.empty(), TimelineId.of(1), Lsn.INVALID, FORK, TimelineBranch.State.ANCESTOR, Optional.empty()),
                            new TimelineBranch(
                                    two.id(), Optional.of(one.id()), TimelineId.of(2), FORK, FORK, TimelineBranch.State.ANCESTOR, Optional.of("no recovery target specified")),
                            new TimelineBranch(four.id(), Optional.of(two.id()), TimelineId.of(4), FORK, FORK, TimelineBranch.State.CURRENT, Optional.empty()),
                            new TimelineBranch(
                                    one.id(),
                                    Optional.of(one.id()),
                                    TimelineId.of(1),
                                    FORK,
                                    KnownRelay.WRITTEN,
                                    TimelineBranch.State.ORPHAN_ACKNOWLEDGED,
                                    Optional.empty())),
                    TimelineBranch.of(cache));
        }
    }
}
