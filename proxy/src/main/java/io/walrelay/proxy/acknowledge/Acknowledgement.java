package io.walrelay.proxy.acknowledge;

import io.walrelay.proxy.acknowledge.Positions.Stage;
import io.walrelay.wal.Lsn;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.BinaryOperator;

/**
 * What may be acknowledged at one moment, and what it follows from. A pure function of the policy, of the relay's own position and of what its
 * standbys have confirmed.
 *
 * <p>Invariant: {@code positions ≤ own}; it never falls below {@code before} but for a fall of {@code own}.
 *
 * @param own what the relay has itself: it replays nothing, so here {@code apply} is how far it could have
 * @param members those that the policy names, in its order
 * @param positions what may be acknowledged
 */
public record Acknowledgement(AcknowledgePolicy policy, Positions own, List<Standing> members, Positions positions) {

    public Acknowledgement {
        members = List.copyOf(members);
    }

    /**
     * @param before what was acknowledged already on this lineage: that stays, whoever dies
     */
    public static Acknowledgement of(AcknowledgePolicy policy, Positions own, List<Standing> members, Positions before) {
        return new Acknowledgement(policy, own, members, Positions.min(own, Positions.max(before, confirmed(policy, own, members))));
    }

    private static Positions confirmed(AcknowledgePolicy policy, Positions own, List<Standing> members) {
        return switch (policy) {
            // As pg_receivewal: a commit that waits for replay waits for somebody who does it.
            case AcknowledgePolicy.Own() -> new Positions(own.write(), own.flush(), Lsn.INVALID);
            case AcknowledgePolicy.All _ -> least(members);
            case AcknowledgePolicy.First(var count, _) -> {
                List<Standing> connected = connected(members);
                yield connected.size() < count ? Positions.NONE : least(connected.subList(0, count));
            }
            case AcknowledgePolicy.Any(var count, _) -> {
                List<Standing> connected = connected(members);
                yield connected.size() < count ? Positions.NONE : nth(connected, count);
            }
        };
    }

    private static List<Standing> connected(List<Standing> members) {
        return members.stream().filter(Standing::connected).toList();
    }

    /** syncrep.c, SyncRepGetOldestSyncRecPtr. */
    private static Positions least(List<Standing> members) {
        BinaryOperator<Positions> lesser = Positions::min;
        return members.stream().map(Standing::confirmed).reduce(lesser).orElse(Positions.NONE);
    }

    /** syncrep.c, SyncRepGetNthLatestSyncRecPtr: in each respect other members may be the nth. */
    private static Positions nth(List<Standing> members, int n) {
        return new Positions(nth(members, n, Stage.WRITE), nth(members, n, Stage.FLUSH), nth(members, n, Stage.APPLY));
    }

    private static Lsn nth(List<Standing> members, int n, Stage stage) {
        return members.stream().map(m -> m.confirmed().at(stage)).sorted(Comparator.reverseOrder()).skip(n - 1L).findFirst().orElse(Lsn.INVALID);
    }

    /**
     * The members whose confirmation a commit waits for, in the policy's order: empty when all that the relay has is acknowledged. Of {@code any}
     * those that lack something, since each may be the one; of {@code first} those that are chosen, and while too few are connected those that are away.
     */
    public List<String> waitedFor(Stage stage) {
        if (positions.at(stage).isAtLeast(own.at(stage))) {
            return List.of();
        }
        List<Standing> asked = switch (policy) {
            case AcknowledgePolicy.Own() -> List.<Standing>of();
            case AcknowledgePolicy.All _, AcknowledgePolicy.Any _ -> members;
            case AcknowledgePolicy.First(var count, _) -> askedFirst(count);
        };
        return asked.stream().filter(m -> isBehind(m, stage)).map(Standing::name).toList();
    }

    /** The members that are away and without whom no more is acknowledged, whatever those confirm that are connected; they lack something, or what they have does not count. */
    public List<String> missing() {
        int needed = switch (policy) {
            case AcknowledgePolicy.Own() -> 0;
            case AcknowledgePolicy.All _ -> members.size();
            case AcknowledgePolicy.First(var count, _) -> count;
            case AcknowledgePolicy.Any(var count, _) -> count;
        };
        return connected(members).size() >= needed
                ? List.of()
                : members.stream().filter(m -> !m.connected() && isBehind(m, Stage.FLUSH)).map(Standing::name).toList();
    }

    private List<Standing> askedFirst(int count) {
        List<Standing> connected = connected(members);
        return connected.size() < count ? members : connected.subList(0, count);
    }

    /** What an absent one has counts only where all are asked. */
    private boolean isBehind(Standing member, Stage stage) {
        boolean counts = member.connected() || policy instanceof AcknowledgePolicy.All;
        return !counts || member.confirmed().at(stage).isBefore(own.at(stage));
    }

    /** WAL that the relay has in that respect and must not acknowledge yet, in bytes; empty while nothing was acknowledged at all. */
    public OptionalLong waitingBytes(Stage stage) {
        return positions.at(stage).isValid() ? OptionalLong.of(own.at(stage).minus(positions.at(stage))) : OptionalLong.empty();
    }
}
