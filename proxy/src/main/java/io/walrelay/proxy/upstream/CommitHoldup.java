package io.walrelay.proxy.upstream;

import io.walrelay.cache.WalCache;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Acknowledging;
import io.walrelay.proxy.acknowledge.Acknowledging.Waiting;
import io.walrelay.proxy.acknowledge.Positions.Stage;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Says whom commits upstream wait for: when what the relay has had for a second is not confirmed by the policy's standbys, when that changes, and when it
 * is over. Confined to the WAL writer thread.
 */
final class CommitHoldup {

    private static final String COMMIT_WAITING = "commit-waiting";
    private static final long LONG_NANOS = Duration.ofSeconds(1).toNanos();
    /** What a standby has replayed it says with the next flush, or within a second when it is asked. */
    private static final long LONG_FOR_REPLAY_NANOS = Duration.ofSeconds(2).toNanos();

    private final RelayState relay;
    private final WalCache cache;
    private final Acknowledging acknowledging;
    /** What the relay had at {@code since}, while that is not acknowledged. */
    private Lsn had = Lsn.INVALID;
    private long since;

    CommitHoldup(RelayState relay, WalCache cache) {
        this.relay = relay;
        this.cache = cache;
        this.acknowledging = relay.acknowledging();
    }

    /**
     * Called about every second.
     *
     * @param synchronous whether commits upstream may wait for the relay
     * @param now as System.nanoTime
     */
    void look(boolean synchronous, long now) {
        if (!acknowledging.policy().waitsForStandbys()) {
            return;
        }
        Stage stage = stage();
        Acknowledgement it = acknowledging.look(relay.reportable(cache));
        boolean all = it.positions().at(stage).isAtLeast(it.own().at(stage));
        if (!synchronous || all) {
            had = Lsn.INVALID;
            confirmed();
        } else if (!had.isValid() || it.positions().at(stage).isAtLeast(had)) {
            // Under load there is always something that is not confirmed yet; only the same for long is worth a word.
            had = it.own().at(stage);
            since = now;
            confirmed();
        } else if (now - since >= (stage == Stage.APPLY ? LONG_FOR_REPLAY_NANOS : LONG_NANOS)) {
            tell(it, stage, Duration.ofNanos(now - since));
        }
    }

    private Stage stage() {
        return Stage.of(relay.facts().map(facts -> facts.settings().getOrDefault("synchronous_commit", "")).orElse(""));
    }

    private void tell(Acknowledgement it, Stage stage, Duration already) {
        List<String> standbys = it.waitedFor(stage);
        Optional<Waiting> before = acknowledging.waiting();
        if (before.map(waiting -> waiting.standbys().equals(standbys)).orElse(false)) {
            return;
        }
        Instant began = before.map(Waiting::since).orElseGet(() -> relay.clock().instant().minus(already));
        acknowledging.waiting(Optional.of(new Waiting(began, standbys)));
        relay.events().warning(
                COMMIT_WAITING,
                "commits wait for %s to have %s %s (acknowledge: %s); acknowledged is %s"
                        .formatted(named(standbys), stage.done(), it.own().at(stage), it.policy(), it.positions().at(stage)));
    }

    private static String named(List<String> standbys) {
        return standbys.stream().map("\"%s\""::formatted).reduce((a, b) -> a + ", " + b).orElse("nobody");
    }

    private void confirmed() {
        over("commits wait no longer for %s");
    }

    /** The stream has ended: commits wait for the relay. */
    void end() {
        over("the stream from upstream has ended, and commits wait for the relay and no longer for %s");
    }

    private void over(String text) {
        Optional<Waiting> before = acknowledging.waiting();
        if (before.isPresent()) {
            acknowledging.waiting(Optional.empty());
            relay.events().info(COMMIT_WAITING, text.formatted(named(before.get().standbys())));
        }
    }
}
