package io.walrelay.proxy.acknowledge;

import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.Slots;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The policy at work: sessions of its members tell it how far they are, the WAL writer thread asks it what to report. No lock: a session publishes
 * what it was told and wakes the writer, which looks at all of them. Thread-safe, but for {@link #advance}.
 */
public final class Acknowledging {

    /** What was acknowledged, and on which lineage. */
    private record Reached(TimelineHistory lineage, Positions positions) {}

    /**
     * Commits upstream that the policy holds back.
     *
     * @param standbys that have not confirmed what they wait for
     */
    public record Waiting(Instant since, List<String> standbys) {
        public Waiting {
            standbys = List.copyOf(standbys);
        }
    }

    private final AcknowledgePolicy policy;
    private final Map<String, Member> members = new LinkedHashMap<>();
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
    /** Empty until the relay has any. */
    private volatile Optional<Slots> slots = Optional.empty();
    private volatile Optional<Reached> reached = Optional.empty();
    private volatile Optional<Waiting> waiting = Optional.empty();

    public Acknowledging(AcknowledgePolicy policy) {
        this.policy = policy;
        policy.members().forEach(name -> members.put(AcknowledgePolicy.key(name), new Member(name)));
    }

    public AcknowledgePolicy policy() {
        return policy;
    }

    /** {@code listener} is called on a session's event loop when what may be acknowledged may have changed; it must only wake somebody. */
    public void onNews(Runnable listener) {
        listeners.add(listener);
    }

    /** What the slots know from before the start: who is known by its slot, and what each surely has. */
    public void recall(WalCache cache) {
        slots = Optional.of(cache.slots());
        TimelineHistory lineage = cache.end().lineage();
        for (Slot slot : cache.slots().all()) {
            Member member = members.get(AcknowledgePolicy.key(slot.name()));
            if (member != null) {
                member.knownBySlot();
                Lsn flushed = Remembered.flushed(cache, slot);
                if (flushed.isValid()) {
                    member.remembers(lineage, flushed);
                }
            }
        }
    }

    /**
     * A session that streams, which is a member's when the policy names its slot or, if not, its application_name; what one confirms that has
     * the name only counts for nothing once the relay has a slot of that name, or had.
     *
     * @param pid unique among sessions
     */
    public MemberSession join(int pid, Optional<String> slot, String applicationName) {
        Member bySlot = slot.map(name -> members.get(AcknowledgePolicy.key(name))).orElse(null);
        Member member = bySlot == null ? members.get(AcknowledgePolicy.key(applicationName)) : bySlot;
        if (member != null && (bySlot != null || slots.flatMap(all -> all.find(AcknowledgePolicy.key(applicationName))).isPresent())) {
            member.knownBySlot();
        }
        return new MemberSession(member, pid, bySlot != null, () -> listeners.forEach(Runnable::run));
    }

    /** The member that a session speaks for, as {@link #join} has it; empty when what it confirms counts for nothing. */
    public Optional<String> memberOf(Optional<String> slot, String applicationName) {
        Optional<Member> bySlot = slot.map(name -> members.get(AcknowledgePolicy.key(name)));
        return bySlot.or(() -> Optional.ofNullable(members.get(AcknowledgePolicy.key(applicationName))).filter(Member::countsByName)).map(Member::name);
    }

    /** What may be acknowledged now. */
    public Acknowledgement look(EndOfWal own) {
        Positions mine = new Positions(own.written(), own.acknowledgeable(), own.acknowledgeable());
        List<Standing> standing = members.values().stream().map(member -> member.on(own.lineage())).toList();
        return Acknowledgement.of(policy, mine, standing, before(own.lineage()));
    }

    /** What was acknowledged before, as far as it lies on {@code lineage}. */
    private Positions before(TimelineHistory lineage) {
        return reached.map(then -> then.lineage.equals(lineage)
                        ? then.positions
                        : lineage.forkWith(then.lineage).map(then.positions::atMost).orElse(then.positions))
                .orElse(Positions.NONE);
    }

    /** What is acknowledged from now on. Called by the WAL writer thread, just before it says so to upstream. */
    public Positions advance(EndOfWal own) {
        Positions now = look(own).positions();
        reached = Optional.of(new Reached(own.lineage(), now));
        return now;
    }

    /** The relay's own end of WAL, acknowledging no more than was acknowledged in this run. */
    public EndOfWal acknowledged(EndOfWal own) {
        return policy.waitsForStandbys() ? own.acknowledgingAtMost(before(own.lineage()).flush()) : own;
    }

    /** Set while commits have waited for the policy's standbys for a while. */
    public Optional<Waiting> waiting() {
        return waiting;
    }

    public void waiting(Optional<Waiting> now) {
        waiting = now;
    }
}
