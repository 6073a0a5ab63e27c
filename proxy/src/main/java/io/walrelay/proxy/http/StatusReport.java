package io.walrelay.proxy.http;

import io.walrelay.proxy.state.StandbyStatus;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The answer of {@code /api/v1/status}; its parts are the answers of the narrower paths. Positions and 64-bit identifiers are
 * text, sizes are bytes, times ISO 8601.
 *
 * @param reasons why the relay is not ready, by kind
 * @param acknowledge empty until an upstream was seen for the first time
 * @param shaping what holds single standbys back, or might
 * @param wal empty until an upstream was seen for the first time
 */
public record StatusReport(
        String version,
        Instant at,
        double uptimeSeconds,
        boolean ready,
        Map<String, String> reasons,
        Advertised advertise,
        Upstream upstream,
        Optional<Acknowledge> acknowledge,
        Optional<Wal> wal,
        Optional<Archive> archive,
        List<Standby> standbys,
        List<Slot> slots,
        SlotSyncReport slotSync,
        Feedback feedback,
        List<Shape> shaping,
        List<Peer> peers,
        List<RecentEvent> events) {

    /**
     * How others reach the relay, as far as its configuration says.
     *
     * @param conninfo its PostgreSQL port, in libpq's form, without a user
     * @param url its HTTP port
     */
    public record Advertised(Optional<String> conninfo, Optional<String> url) {}

    /**
     * @param beyond what is behind an upstream that is a relay; null when it is PostgreSQL
     * @param lagBytes what upstream has and the relay does not, as far as upstream said
     */
    public record Upstream(
            String state,
            Optional<String> host,
            Optional<Beyond> beyond,
            Instant since,
            Optional<String> systemId,
            Optional<String> serverVersion,
            Optional<String> received,
            Optional<String> end,
            Optional<String> acknowledged,
            Optional<Long> lagBytes,
            Optional<Instant> lastMessage,
            Optional<String> problem) {}

    /**
     * What a relay says of what it streams from, as of some seconds ago.
     *
     * @param hosts the nearest first
     * @param complete whether the last of them is PostgreSQL; otherwise the last relay streams from nobody now, or there are too many to tell
     */
    public record Beyond(List<String> hosts, boolean complete) {}

    /**
     * What upstream may be told, and whom that waits for.
     *
     * @param policy as {@code upstream.acknowledge} has it
     * @param waitingBytes WAL that the relay has flushed and its standbys have not confirmed; null while nothing was acknowledged
     * @param commitsWaitSince since when commits upstream wait for standbys; null while they do not, or only for a moment
     * @param commitsWaitFor whom they wait for then
     */
    public record Acknowledge(
            String policy,
            Optional<String> write,
            Optional<String> flush,
            Optional<String> replay,
            Optional<Long> waitingBytes,
            Optional<Instant> commitsWaitSince,
            List<String> commitsWaitFor,
            List<Member> members) {}

    /**
     * A standby that the policy names.
     *
     * @param connected whether it streams, has caught up and says what it has flushed
     * @param waitedFor whether WAL that the relay has flushed waits for it
     */
    public record Member(String name, boolean connected, Optional<String> write, Optional<String> flush, Optional<String> replay, boolean waitedFor) {}

    /**
     * @param lineage the timeline with its switch point and a hash of its history: unique also where its number was taken twice
     * @param horizon who keeps the oldest WAL on the disk; null when nobody needs any
     */
    public record Wal(
            long timeline,
            String lineage,
            long segmentSize,
            String oldest,
            String written,
            String lastRecord,
            String flushed,
            String acknowledgeable,
            long memoryBytes,
            long diskBytes,
            Optional<Horizon> horizon,
            List<MissingWal> gaps,
            List<OrphanedWal> orphans,
            HotStandby hotStandby) {}

    /**
     * @param from where the relay's WAL in the archive begins that has no hole up to {@code archived}
     * @param waitingFiles files that are still to be archived
     * @param problem why nothing can be archived now
     * @param keepSeconds how long WAL is kept that nobody needs; null for ever
     * @param horizon who keeps the oldest WAL that is old enough to go; null when nobody does
     * @param keepingProblem why nothing can be deleted now
     * @param imports the folder that is taken in; null when there is none, or it was taken in before the start
     */
    public record Archive(
            String from,
            String archived,
            int waitingFiles,
            Optional<String> problem,
            Optional<Double> keepSeconds,
            Optional<Horizon> horizon,
            long deletedFiles,
            Optional<String> keepingProblem,
            Optional<Import> imports) {}

    /**
     * @param files in the folder; 0 until it was listed
     * @param unreadable files that are tried again at the next start
     */
    public record Import(
            String folder, boolean ended, int files, int imported, int alreadyThere, int conflicts, int refused, int unreadable, Optional<String> problem) {}

    /** WAL that the relay never got, up to and without {@code to}. */
    public record MissingWal(String from, String to) {}

    /** @param acknowledged whether commits may be lost: upstream had been told that the relay has it */
    public record OrphanedWal(String lineage, String fork, String end, boolean acknowledged) {}

    /**
     * A row of pg_stat_replication. Lag in bytes is counted from the relay's written position; in seconds, as {@link StandbyStatus} has it.
     *
     * @param relay whether it is a relay itself
     */
    public record Standby(
            int pid,
            String name,
            String user,
            String client,
            boolean relay,
            Optional<String> slot,
            String state,
            Instant since,
            Optional<Long> timeline,
            Stage sent,
            Stage write,
            Stage flush,
            Stage replay,
            Optional<Instant> lastReply,
            double addedDelaySeconds,
            long sentBytes,
            Optional<Held> held) {}

    /**
     * Why a standby is not sent all that there is.
     *
     * @param why paused, delayed or limited
     * @param until when the next transaction may go, if that is known
     */
    public record Held(String why, Optional<Instant> until) {}

    /**
     * What holds for one standby: the settings, and what operators have said.
     *
     * @param released up to where it may go whatever else says no
     * @param warning what else waits while it is paused
     */
    public record Shape(String name, Optional<Double> delaySeconds, Optional<Long> rateBytes, boolean paused, Optional<String> released, Optional<String> warning) {}

    /** How far a standby is in one respect. */
    public record Stage(Optional<String> position, Optional<Long> lagBytes, Optional<Double> lagSeconds) {}

    /**
     * A row of pg_replication_slots.
     *
     * @param inactiveSince since when nobody uses it, as far as this process has seen
     * @param retainedBytes from its position to the end of WAL; null while nothing is kept for it
     * @param safeBytes that may still be written before it holds more than it may on the disk, negative when it does
     * @param walStatus reserved, extended (the archive has it), unreserved (there, but not kept) or lost; null while it reserves none
     * @param xmin what its standby wants kept on the primary, also while it is away, as {@link Feedback} has transactions
     * @param mirrorOf the URL of the relay from which its standby streams, or did last; null when that is this one
     */
    public record Slot(
            String name,
            boolean temporary,
            Optional<Integer> activePid,
            Optional<Instant> inactiveSince,
            Optional<String> restartLsn,
            Optional<String> furthestSent,
            Optional<Long> retainedBytes,
            Optional<Long> safeBytes,
            Optional<String> walStatus,
            Optional<String> xmin,
            Optional<String> catalogXmin,
            Optional<String> mirrorOf) {}

    /**
     * What upstream is told to keep (hot_standby_feedback). Transactions have 64 bits, as SQL's xid8: the lower half is what most views show.
     *
     * @param nextXid what upstream gives out next, at least; null while that is not known
     */
    public record Feedback(Optional<String> nextXid, XidHorizon xmin, XidHorizon catalogXmin) {}

    /**
     * @param reported what upstream is told; null when nobody holds anything
     * @param oldest who holds the oldest, which is what is reported unless that is capped
     * @param capped whether what is reported is newer than that, because of feedback.max-xmin-age
     * @param tooOld all that hold more than feedback.max-xmin-age
     */
    public record XidHorizon(Optional<String> reported, Optional<XidHold> oldest, boolean capped, List<XidHold> tooOld) {}

    /**
     * @param holder slot or standby
     * @param age transactions up to {@code nextXid}
     */
    public record XidHold(String holder, String name, String xid, Optional<Long> age) {}

    /**
     * A relay beside this one.
     *
     * @param state unknown (not asked yet), up, away, refused (of another cluster or history) or self
     * @param slots that this relay has because they are at home there
     */
    public record Peer(String url, String state, Instant since, Optional<Instant> lastAnswer, Optional<String> problem, int slots) {}

    public record RecentEvent(Instant at, String severity, String kind, String text) {}
}
