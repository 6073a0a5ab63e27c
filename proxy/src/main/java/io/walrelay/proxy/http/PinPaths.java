package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.walrelay.cache.CacheArchive;
import io.walrelay.cache.PinRefusedException;
import io.walrelay.cache.Pins;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** {@code /api/v1/pins} and what is below. Asks the archive, which may take long. Thread-safe. */
final class PinPaths {

    private static final String EXPECTED = "{\"lsn\": \"0/3000000\", \"timeline\": \"1\", \"note\": \"TEXT\"}, each of them optional";

    /** The body of a PUT. */
    record PinRequest(@Nullable String lsn, @Nullable String timeline, @Nullable String note) {}

    private final RelayState relay;

    PinPaths(RelayState relay) {
        this.relay = relay;
    }

    /** @param name what stands for the pin's in the path; empty for the path of all */
    Reply answer(Call call, Optional<String> name) {
        Optional<WalCache> cache = relay.cache();
        if (cache.isEmpty()) {
            return Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), "the relay has no WAL yet: no upstream was seen");
        }
        Optional<Pins> pins = cache.get().archive().map(CacheArchive::pins);
        if (pins.isEmpty()) {
            return Reply.error(HttpResponseStatus.CONFLICT, call.path(), "the relay has no archive to pin WAL in; expected archive.url to be set");
        }
        try {
            if (name.isEmpty()) {
                return Reply.json(HttpResponseStatus.OK, pins.get().all().stream().map(PinReport::of).toList());
            }
            return call.method().equals(HttpMethod.DELETE) ? drop(call, pins.get(), name.get()) : create(call, pins.get(), name.get());
        } catch (PinRefusedException e) {
            return Reply.error(HttpResponseStatus.CONFLICT, call.path(), String.valueOf(e.getMessage()));
        } catch (IllegalArgumentException e) {
            return Reply.error(HttpResponseStatus.BAD_REQUEST, call.path(), String.valueOf(e.getMessage()));
        } catch (IOException e) {
            return Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), "could not ask the archive: " + e.getMessage()).with("retry-after", "10");
        }
    }

    private Reply create(Call call, Pins pins, String name) throws PinRefusedException, IOException {
        Optional<Reply> refusal = JsonBody.refuse(call);
        if (refusal.isPresent()) {
            return refusal.get();
        }
        PinRequest request = JsonBody.read(call, PinRequest.class, EXPECTED);
        Optional<Lsn> lsn = Optional.ofNullable(request.lsn()).map(Lsn::parse);
        String note = request.note() == null ? "" : request.note();
        PinReport pin = PinReport.of(pins.create(name, lsn, Optional.ofNullable(request.timeline()), note, relay.clock().instant()));
        relay.events().info("pin-created", "pin \"%s\" keeps WAL from %s on timeline %d on in the archive".formatted(pin.name(), pin.lsn(), pin.timeline()));
        return Reply.json(HttpResponseStatus.OK, pin);
    }

    private Reply drop(Call call, Pins pins, String name) throws IOException {
        if (!pins.drop(name)) {
            return Reply.error(HttpResponseStatus.NOT_FOUND, call.path(), "no pin \"%s\"; walrelay pin list shows which there are".formatted(name));
        }
        relay.events().info("pin-dropped", "pin \"%s\" keeps nothing any more".formatted(name));
        return Reply.json(HttpResponseStatus.OK, Map.of("dropped", name));
    }
}
