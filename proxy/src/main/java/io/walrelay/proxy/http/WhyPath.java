package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.walrelay.cache.CacheArchive;
import io.walrelay.cache.Orphan;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.proxy.slotsync.SlotAnswer;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.state.ProcessFacts;
import io.walrelay.proxy.state.Readiness;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.why.Addresses;
import io.walrelay.proxy.why.Facts;
import io.walrelay.proxy.why.Why;
import java.io.IOException;
import java.net.URI;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code /api/v1/standbys/{name}/why}: gathers what is known of a standby. Thread-safe. */
final class WhyPath {

    private static final Logger log = LoggerFactory.getLogger(WhyPath.class);

    private final RelayState relay;
    private final ProcessFacts process;

    WhyPath(RelayState relay, ProcessFacts process) {
        this.relay = relay;
        this.process = process;
    }

    /** @param name application_name, slot or address */
    Reply answer(Call call, String name) {
        List<StandbyStatus> sessions = relay.standbys().all();
        List<SlotStatus> slots = relay.cache().map(cache -> cache.reservations().statuses()).orElse(List.of());
        Optional<StandbyStatus> session = sessions.stream()
                .filter(s -> s.name().equals(name) || s.slot().equals(Optional.of(name)))
                .max(Comparator.comparing(StandbyStatus::since));
        List<Refusal> refused = relay.refused().find(name);
        String slotName = session.flatMap(StandbyStatus::slot).or(() -> refused.stream().flatMap(refusal -> refusal.slot().stream()).findFirst()).orElse(name);
        Facts facts = new Facts(
                name,
                relay.clock().instant(),
                session,
                slots.stream().filter(s -> s.slot().name().equals(slotName)).findFirst(),
                refused,
                relay.cache().map(WalCache::end),
                relay.cache().map(cache -> cache.hotStandby().needs()),
                relay.slotSync().asked().stream().map(SlotSync.Asked::answer).filter(answer -> answer.slot().equals(slotName)).findFirst().flatMap(SlotAnswer::refusal),
                relay.upstream(),
                Readiness.of(relay).reasons(),
                relay.cache().flatMap(WalCache::archive).flatMap(CacheArchive::archiving).flatMap(archiver -> archiver.status().problem()),
                toRewind(refused),
                relay.visits().find(name),
                Stream.of(name, slotName).anyMatch(known -> relay.shaping().of(known).word().paused()),
                new Addresses(process.conninfo(), process.url().map(URI::toString).or(call::asked).orElse("URL")));
        return Why.of(facts)
                .map(why -> Reply.json(HttpResponseStatus.OK, WhyReport.of(name, why)))
                .orElseGet(() -> Reply.error(HttpResponseStatus.NOT_FOUND, call.path(), unknown(name, sessions, slots)));
    }

    /** Of the last one that shows how far it has come. */
    private OptionalLong toRewind(List<Refusal> refused) {
        for (Refusal.Reached reached : refused.stream().flatMap(refusal -> refusal.reached().stream()).toList()) {
            Optional<WalCache> cache = relay.cache();
            Optional<Orphan> orphan = cache.flatMap(wal -> wal.orphanAt(reached.timeline(), reached.position()));
            if (orphan.isPresent()) {
                try {
                    return cache.orElseThrow().changeIndex().blocksToRewind(orphan.get(), reached.position());
                } catch (IOException e) {
                    log.debug("how much a rewind fetches could not be looked up", e);
                }
            }
        }
        return OptionalLong.empty();
    }

    private static String unknown(String name, List<StandbyStatus> sessions, List<SlotStatus> slots) {
        TreeSet<String> known = new TreeSet<>();
        sessions.forEach(s -> known.add(s.name()));
        slots.forEach(s -> known.add(s.slot().name()));
        return "nothing was heard of a standby \"%s\" since the relay was started, and it has no slot of that name; known are: %s"
                .formatted(name, known.isEmpty() ? "none" : String.join(", ", known));
    }
}
