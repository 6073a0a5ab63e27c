package io.walrelay.proxy.peers;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.background.BackgroundThread;
import io.walrelay.cache.slot.Mirroring;
import io.walrelay.cache.slot.Slot;
import io.walrelay.proxy.client.ApiQuery;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.PeerAnswer;
import io.walrelay.proxy.state.Events;
import io.walrelay.proxy.state.PeerStatus;
import io.walrelay.proxy.state.PeerStatus.State;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;

/** Asks one peer now and then, has the slots brought in step with its own, and says what was done. Closed by whoever starts it. */
final class PeerWatch {

    private static final Logger log = LoggerFactory.getLogger(PeerWatch.class);
    private static final String PEER = "peer";
    private static final Duration LONGEST_END = Duration.ofSeconds(1);

    private final URI url;
    private final ApiQuery query;
    private final RelayState relay;
    private final Events events;
    private final BackgroundThread thread;
    /** Slots of the peer's that can't be made here, which was said. */
    private final Set<String> notMade = new HashSet<>();
    private @Nullable PeerAnswer last;
    private PeerStatus status;
    private boolean ended;

    PeerWatch(URI url, ApiQuery query, RelayState relay) {
        this.url = url;
        this.query = query;
        this.relay = relay;
        this.events = relay.events();
        this.thread = new BackgroundThread("peer-" + url.getAuthority(), this::watch);
        this.status = PeerStatus.unknown(url.toString(), relay.clock().instant());
    }

    void start() {
        relay.update(status);
        thread.start();
    }

    private void watch() throws InterruptedException {
        Naps naps = Naps.SHORT;
        while (!thread.isClosed()) {
            naps = naps.after(look());
            thread.rest(naps.next());
        }
    }

    /** @return whether anything has moved since the last time */
    private boolean look() {
        Optional<WalCache> cache = relay.cache();
        if (cache.isEmpty()) {
            return false;
        }
        // Before the question: what changes here meanwhile the answer can't know.
        List<Slot> seen = cache.get().slots().all();
        try {
            PeerAnswer answer = ask();
            if (thread.isClosed()) {
                return false;
            }
            boolean moved = !answer.equals(last);
            last = answer;
            return mirror(cache.get(), seen, answer) || moved;
        } catch (IOException e) {
            saw(State.AWAY, Optional.of(e.getMessage() == null ? e.toString() : e.getMessage()));
        } catch (IllegalArgumentException e) {
            saw(State.AWAY, Optional.of("its answer is not what was asked for: %s; is this a relay's HTTP port?".formatted(e.getMessage())));
        } catch (RuntimeException e) {
            // A fault of ours: this peer has to be asked again all the same.
            log.error("what {} answered could not be dealt with", url, e);
            saw(State.AWAY, Optional.of("its answer could not be dealt with: " + e));
        }
        return false;
    }

    private PeerAnswer ask() throws IOException {
        String body = query.get(url, "/api/v1/peer");
        try {
            return Json.MAPPER.readerFor(PeerAnswer.class).without(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).readValue(body);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(e.getOriginalMessage(), e);
        }
    }

    private boolean mirror(WalCache cache, List<Slot> seen, PeerAnswer answer) throws IOException {
        TimelineHistory lineage = cache.end().lineage();
        Mirroring.Peer peer = answer.asked(url.toString());
        if (answer.relay().equals(cache.slots().relayId())) {
            saw(State.SELF, Optional.of("it is this relay itself, or one with a copy of its data directory"));
            return false;
        }
        if (!answer.system().equals(cache.system())) {
            saw(State.REFUSED, Optional.of("its WAL is of cluster %s, this relay's of cluster %s".formatted(answer.systemId(), cache.system())));
            return false;
        }
        if (!Mirroring.areOneHistory(lineage, peer.lineage())) {
            saw(State.REFUSED, Optional.of("it follows lineage %s, this relay %s, and neither came from the other".formatted(peer.lineage().id(), lineage.id())));
            return false;
        }
        List<Mirroring> done;
        try {
            done = cache.reservations().mirror(seen, peer);
        } catch (IOException e) {
            saw(State.UP, Optional.of("slots could not be saved: " + e.getMessage()));
            return false;
        }
        saw(State.UP, Optional.empty());
        done.forEach(this::tell);
        notMade.retainAll(done.stream().filter(Mirroring.NotMade.class::isInstance).map(step -> ((Mirroring.NotMade) step).name()).collect(Collectors.toSet()));
        return done.stream().anyMatch(Mirroring::changesMoreThanThePosition);
    }

    private void tell(Mirroring step) {
        switch (step) {
            case Mirroring.Create(var made) ->
                events.info("slot-mirrored", "slot \"%s\" of %s is kept here, too, from %s on".formatted(made.name(), url, made.restartLsn()));
            case Mirroring.Follow(var before, var after) when !before.home().equals(after.home()) ->
                events.info("slot-mirrored", "the standby of slot \"%s\" streams from %s now, or did last; the slot is kept here in step".formatted(after.name(), url));
            case Mirroring.Follow(var before, var after) when before.lost() && !after.lost() ->
                events.info("slot-mirrored", "slot \"%s\" of %s had lost its WAL here and is kept again, from %s on".formatted(after.name(), url, after.restartLsn()));
            case Mirroring.Follow _ -> {
                // It moves on.
            }
            case Mirroring.Drop(var before) -> events.info("slot-dropped", "slot \"%s\" keeps nothing any more: %s, where it was at home, has it no more".formatted(before.name(), url));
            case Mirroring.Adopt(_, var after) ->
                events.warning("slot-adopted", "slot \"%s\" is at home here now: %s, where it was, is another relay than before, or says so".formatted(after.name(), url));
            case Mirroring.NotMade(var name, var reason) when notMade.add(name) ->
                events.warning("slot-not-mirrored", "slot \"%s\" of %s can't be kept here yet: %s".formatted(name, url, reason));
            case Mirroring.NotMade _ -> {
                // It was said.
            }
        }
    }

    /** Not once it was closed: an answer may take longer than that, and another watch is there by then. */
    private synchronized void saw(State now, Optional<String> why) {
        if (ended) {
            return;
        }
        PeerStatus before = status;
        status = before.seen(now, why, relay.clock().instant());
        relay.update(status);
        if (now == before.state() && (why.equals(before.problem()) || now == State.AWAY)) {
            return;
        }
        switch (now) {
            case UP -> why.ifPresentOrElse(
                    problem -> events.error(PEER, "%s answers, but %s".formatted(url, problem)),
                    () -> events.info(PEER, "slots are kept in step with " + url));
            case AWAY -> events.warning(PEER, "%s can't be asked, so its slots stay here as they are: %s".formatted(url, why.orElse("")));
            case REFUSED -> events.error(PEER, "%s is not mirrored: %s".formatted(url, why.orElse("")));
            case SELF -> events.warning(PEER, "%s is not asked: %s".formatted(url, why.orElse("")));
            case UNKNOWN -> {
                // It stays so until it was asked.
            }
        }
    }

    void close() {
        synchronized (this) {
            ended = true;
        }
        thread.close(LONGEST_END);
    }
}
