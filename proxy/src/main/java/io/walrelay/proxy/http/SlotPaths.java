package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Home;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.cache.slot.SlotImport;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.Slots;
import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** {@code /api/v1/slots} and what is below. What changes a slot waits for the disk. Thread-safe. */
final class SlotPaths {

    private static final String EXPECTED_SLOT =
            "{\"reserve_wal\": true} for a slot of its own, or {\"copy_of\": \"SLOT\", \"temporary\": false} for a copy; all of them optional";
    private static final String EXPECTED_POSITION = "{\"restart_lsn\": \"0/3000000\"}";
    private static final String EXPECTED_IMPORT =
            "{\"system_id\": \"7713352581703790990\", \"timeline\": 1, \"slots\": [{\"name\": \"SLOT\", \"restart_lsn\": \"0/3000000\"}]}, and optional \"rewind\": true when the slots are of servers that are rewound";

    /** The body of a PUT. */
    record SlotRequest(@Nullable Boolean reserveWal, @Nullable String copyOf, @Nullable Boolean temporary) {}

    /** The body of a POST to a slot. */
    record PositionRequest(@Nullable String restartLsn) {}

    /**
     * The body of a POST to all of them.
     *
     * @param timelineBegin where the timeline begins on the other server; null when that is not said
     * @param reached how far the other server has come on it; null when that is not said
     * @param rewind whether the slots are of servers that are rewound, whose replay starts at them
     */
    record ImportRequest(
            @Nullable String systemId, @Nullable Long timeline, @Nullable String timelineBegin, @Nullable String reached, @Nullable List<ForeignSlot> slots,
            @Nullable Boolean rewind) {

        private static Optional<Lsn> position(@Nullable String text) {
            return Optional.ofNullable(text).map(Lsn::parse);
        }

        SlotImport.Server server(long number) {
            return new SlotImport.Server(TimelineId.of(number), position(timelineBegin), position(reached));
        }
    }

    private final RelayState relay;

    SlotPaths(RelayState relay) {
        this.relay = relay;
    }

    /** All slots; none while the relay has no WAL. */
    List<StatusReport.Slot> all() {
        return relay.cache().map(cache -> cache.reservations().statuses().stream().map(SlotPaths::report).toList()).orElse(List.of());
    }

    /** What a relay beside this one asks for. */
    Reply answerPeer(Call call) {
        if (relay.cache().isEmpty()) {
            return noWal(call);
        }
        try {
            return Reply.json(HttpResponseStatus.OK, PeerAnswer.of(relay.cache().get()));
        } catch (IOException e) {
            return diskFailed(call, e);
        }
    }

    private static Reply noWal(Call call) {
        return Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), "the relay has no WAL yet: no upstream was seen");
    }

    private static Reply diskFailed(Call call, IOException e) {
        return Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), "the relay's disk failed: " + e.getMessage());
    }

    private static StatusReport.Slot report(SlotStatus status) {
        Slot slot = status.slot();
        return new StatusReport.Slot(
                slot.name(),
                slot.temporary(),
                slot.activePid().isPresent() ? Optional.of(slot.activePid().getAsInt()) : Optional.empty(),
                slot.inactiveSince(),
                position(slot.restartLsn()),
                position(slot.furthestSent()),
                status.retained(),
                status.safe(),
                status.walStatus().map(Object::toString),
                FeedbackReport.shown(slot.xmins().xmin()),
                FeedbackReport.shown(slot.xmins().catalogXmin()),
                slot.home().elsewhere().map(Home.Peer::url));
    }

    static Optional<String> position(Lsn lsn) {
        return lsn.isValid() ? Optional.of(lsn.toString()) : Optional.empty();
    }

    /** @param name what stands for the slot's in the path; empty for the path of all */
    Reply answer(Call call, Optional<String> name) {
        boolean looks = call.method().equals(HttpMethod.GET) || call.method().equals(HttpMethod.HEAD);
        if (looks) {
            return Reply.json(HttpResponseStatus.OK, all());
        }
        boolean drops = call.method().equals(HttpMethod.DELETE);
        Optional<Reply> refusal = drops ? Optional.empty() : JsonBody.refuse(call);
        if (refusal.isPresent()) {
            return refusal.get();
        }
        if (relay.cache().isEmpty()) {
            return noWal(call);
        }
        WalCache cache = relay.cache().get();
        try {
            if (name.isEmpty()) {
                return take(call, cache);
            }
            if (drops) {
                return drop(cache, name.get());
            }
            return call.method().equals(HttpMethod.PUT) ? make(call, cache, name.get()) : advance(call, cache, name.get());
        } catch (SlotException e) {
            return refused(call, e.diagnostic());
        } catch (CommandError e) {
            return refused(call, e.diagnostic());
        } catch (IllegalArgumentException e) {
            return Reply.error(HttpResponseStatus.BAD_REQUEST, call.path(), String.valueOf(e.getMessage()));
        } catch (IOException e) {
            return diskFailed(call, e);
        }
    }

    private static Reply refused(Call call, Diagnostic why) {
        HttpResponseStatus status = switch (why.sqlState()) {
            case "42704" -> HttpResponseStatus.NOT_FOUND;
            case "42602", "42622", "XX000" -> HttpResponseStatus.BAD_REQUEST;
            default -> HttpResponseStatus.CONFLICT;
        };
        String text = why.message() + why.detail().map(". "::concat).orElse("") + why.hint().map("; "::concat).orElse("");
        return Reply.error(status, call.path(), "%s (%s)".formatted(text, why.sqlState()));
    }

    private Reply make(Call call, WalCache cache, String name) throws SlotException, IOException {
        SlotRequest request = JsonBody.read(call, SlotRequest.class, EXPECTED_SLOT);
        String source = request.copyOf();
        if (source != null) {
            if (request.reserveWal() != null) {
                throw new IllegalArgumentException("a copy reserves what its source does; expected " + EXPECTED_SLOT);
            }
            Slot copy = cache.reservations().copy(source, name, Optional.ofNullable(request.temporary()), Slots.NO_SESSION);
            relay.events().info("slot-created", "slot \"%s\" is a copy of \"%s\" and keeps WAL from %s on".formatted(name, source, copy.restartLsn()));
        } else {
            boolean reserve = request.reserveWal() == null || request.reserveWal();
            boolean temporary = request.temporary() != null && request.temporary();
            Slot made = cache.reservations().create(name, temporary, reserve, Slots.NO_SESSION);
            String kept = reserve ? "keeps WAL from %s on".formatted(made.restartLsn()) : "keeps no WAL before its standby has come";
            relay.events().info("slot-created", "slot \"%s\" %s".formatted(name, kept));
        }
        return shown(call, name);
    }

    private Reply advance(Call call, WalCache cache, String name) throws SlotException, IOException {
        String to = JsonBody.read(call, PositionRequest.class, EXPECTED_POSITION).restartLsn();
        if (to == null) {
            throw new IllegalArgumentException("no position in the body; expected " + EXPECTED_POSITION);
        }
        Lsn reached = cache.reservations().advance(name, Lsn.parse(to), Slots.NO_SESSION);
        relay.events().info("slot-advanced", "slot \"%s\" keeps WAL from %s on".formatted(name, reached));
        return shown(call, name);
    }

    /** As it is now: somebody may have changed it again. */
    private Reply shown(Call call, String name) {
        return all().stream()
                .filter(slot -> slot.name().equals(name))
                .findFirst()
                .map(slot -> Reply.json(HttpResponseStatus.OK, slot))
                .orElseGet(() -> Reply.error(HttpResponseStatus.CONFLICT, call.path(), "slot \"%s\" was dropped meanwhile".formatted(name)));
    }

    private Reply drop(WalCache cache, String name) throws SlotException, IOException {
        cache.slots().drop(name, Slots.NO_SESSION);
        relay.events().info("slot-dropped", "slot \"%s\" keeps nothing any more".formatted(name));
        return Reply.json(HttpResponseStatus.OK, Map.of("dropped", name));
    }

    private Reply take(Call call, WalCache cache) throws SlotException, IOException {
        ImportRequest request = JsonBody.read(call, ImportRequest.class, EXPECTED_IMPORT);
        String system = request.systemId();
        Long timeline = request.timeline();
        List<ForeignSlot> slots = request.slots();
        if (system == null || timeline == null || slots == null || slots.contains(null)) {
            throw new IllegalArgumentException("something is missing in the body; expected " + EXPECTED_IMPORT);
        }
        if (!SystemId.parse(system).equals(cache.system())) {
            return Reply.error(
                    HttpResponseStatus.CONFLICT,
                    call.path(),
                    "the slots are of cluster %s, the relay's WAL is of cluster %s; expected the server that the relay reads from".formatted(system, cache.system()));
        }
        List<SlotImport.Wanted> wanted = slots.stream().map(ForeignSlot::wanted).toList();
        if (wanted.stream().map(SlotImport.Wanted::name).distinct().count() < wanted.size()) {
            throw new IllegalArgumentException("a name is in the body twice; expected each slot once");
        }
        List<SlotImport> done = cache.reservations().take(wanted, request.server(timeline));
        boolean rewind = Boolean.TRUE.equals(request.rewind());
        for (SlotImport slot : done) {
            if (slot instanceof SlotImport.Taken taken) {
                report(taken, timeline, rewind);
            }
        }
        return Reply.json(HttpResponseStatus.OK, done.stream().map(ImportedSlot::of).toList());
    }

    private void report(SlotImport.Taken slot, long timeline, boolean rewind) {
        if (rewind) {
            relay.events().info(
                    "rewind",
                    "a server is rewound and will stream with slot \"%s\": its replay starts at %s on timeline %d".formatted(slot.name(), slot.from(), timeline));
        } else {
            relay.events().info("slot-imported", "slot \"%s\" is taken over and keeps WAL from %s on".formatted(slot.name(), slot.from()));
        }
    }
}
