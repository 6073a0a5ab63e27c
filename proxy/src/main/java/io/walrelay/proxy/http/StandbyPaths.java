package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.shaping.Shaping;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What is below {@code /api/v1/standbys}: {@code NAME/pause}, {@code NAME/resume}, {@code NAME/release}. Waits for the disk. Thread-safe. */
final class StandbyPaths {

    private static final String EXPECTED = "{\"lsn\": \"0/3000000\"} for release, {} for all that there is, and for pause and resume";

    /** The body of a POST. */
    record ShapeRequest(@Nullable String lsn) {}

    private final RelayState relay;

    StandbyPaths(RelayState relay) {
        this.relay = relay;
    }

    /** @param below what follows the path of all of them: a name, which may be encoded, and a verb */
    Reply answer(Call call, String below) {
        int slash = below.lastIndexOf('/');
        String verb = below.substring(slash + 1);
        if (slash < 1 || !(verb.equals("pause") || verb.equals("resume") || verb.equals("release"))) {
            return Reply.error(HttpResponseStatus.NOT_FOUND, call.path(), "expected /api/v1/standbys/NAME/pause, resume or release");
        }
        Optional<Reply> refusal = JsonBody.refuse(call);
        if (refusal.isPresent()) {
            return refusal.get();
        }
        try {
            String name = QueryStringDecoder.decodeComponent(below.substring(0, slash));
            Optional<Lsn> to = Optional.ofNullable(JsonBody.read(call, ShapeRequest.class, EXPECTED).lsn()).map(Lsn::parse);
            if (to.isPresent() && !verb.equals("release")) {
                throw new IllegalArgumentException("a position in the body of %s; expected %s".formatted(verb, EXPECTED));
            }
            return isKnown(name) ? say(call, verb, name, to) : unknown(call, name);
        } catch (IllegalArgumentException e) {
            return Reply.error(HttpResponseStatus.BAD_REQUEST, call.path(), String.valueOf(e.getMessage()));
        } catch (IOException e) {
            return Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), "what was said is not in force: " + e.getMessage());
        }
    }

    /** Whoever is told to wait by a slip of the pen would be somebody who never comes. */
    private boolean isKnown(String name) {
        return relay.shaping().knows(name)
                || relay.cache().filter(cache -> cache.slots().find(name).isPresent()).isPresent()
                || relay.standbys().all().stream().anyMatch(standby -> standby.name().equals(name));
    }

    private static Reply unknown(Call call, String name) {
        return Reply.error(
                HttpResponseStatus.NOT_FOUND,
                call.path(),
                "no standby \"%s\": no session, slot or entry of standbys.named has that name; walrelay status shows which there are".formatted(ClientText.printable(name)));
    }

    private StatusReport.Shape shape(String name) {
        return Reports.shape(relay, relay.shaping().of(name));
    }

    private Reply say(Call call, String verb, String name, Optional<Lsn> to) throws IOException {
        Shaping shaping = relay.shaping();
        switch (verb) {
            case "pause" -> {
                shaping.pause(name);
                String said = "standby \"%s\" is sent nothing more before: walrelay standby resume %s".formatted(name, name);
                shape(name).warning().ifPresentOrElse(
                        warning -> relay.events().warning("standby-paused", said + "; " + warning), () -> relay.events().info("standby-paused", said));
            }
            case "resume" -> {
                shaping.resume(name);
                relay.events().info("standby-resumed", "standby \"%s\" is sent WAL again".formatted(name));
            }
            default -> {
                Optional<WalCache> cache = relay.cache();
                if (cache.isEmpty()) {
                    return Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), WalFiles.NO_WAL);
                }
                Lsn reached = shaping.release(cache.get(), name, to);
                relay.events().info("standby-released", "standby \"%s\" may have WAL up to %s at once".formatted(name, reached));
            }
        }
        return Reply.json(HttpResponseStatus.OK, shape(name));
    }
}
