package io.walrelay.proxy.standby;

import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * What the log says of one session of physical replication: who came, what it streams and from where, why that ended and how far it was by then,
 * and why the session did (log_connections, log_replication_commands and log_disconnections of PostgreSQL, with positions). Each line names the
 * standby. Lines that differ in pid and port alone are {@link Repeats}; what is left out is there on debug. Confined to its event loop.
 */
final class SessionLog {

    private static final Logger log = LoggerFactory.getLogger(SessionLog.class);

    private final SessionIdentity identity;
    private final Repeats repeats;
    private @Nullable String whyOver;

    SessionLog(SessionIdentity identity, Repeats repeats) {
        this.identity = identity;
        this.repeats = repeats;
    }

    void authorized() {
        say(Level.INFO, "replication connection authorized", Map.of());
    }

    void streams(StreamStart.Stream request, Optional<String> slot) {
        Map<String, Object> facts = asked(slot, request.lineage().timeline(), request.start());
        request.end().ifPresent(historic -> facts.put("end", historic.end().toString()));
        say(Level.INFO, "standby streams", facts);
    }

    /** @param last how far it was */
    void streamEnds(String reason, StandbyStatus last) {
        Map<String, Object> facts = new LinkedHashMap<>();
        last.slot().ifPresent(slot -> facts.put("slot", slot));
        last.timeline().ifPresent(timeline -> facts.put("timeline", timeline.toLong()));
        put(facts, "sent", last.sent());
        put(facts, "written", last.written());
        put(facts, "flushed", last.flushed());
        put(facts, "replayed", last.replayed());
        facts.put("reason", ClientText.printable(reason));
        say(Level.INFO, "standby's stream ended", facts);
    }

    /** What it asked for can't be streamed. */
    void refused(ReplicationCommand.StartPhysical command, TimelineId timeline, Diagnostic why) {
        Map<String, Object> facts = asked(command.slot(), timeline, command.start());
        facts.put("reason", ClientText.printable(why.toString()));
        say(Level.WARN, "standby refused", facts);
    }

    /** The session will end; the first reason is the one. */
    void isOver(String reason) {
        if (whyOver == null) {
            whyOver = ClientText.printable(reason);
        }
    }

    /** Nobody says so when the client just goes. */
    String whyOver() {
        String reason = whyOver;
        return reason == null ? "the client closed the connection" : reason;
    }

    void disconnected() {
        say(Level.INFO, "disconnection", Map.of("reason", whyOver()));
    }

    private static Map<String, Object> asked(Optional<String> slot, TimelineId timeline, Lsn start) {
        Map<String, Object> facts = new LinkedHashMap<>();
        slot.ifPresent(name -> facts.put("slot", ClientText.printable(name)));
        facts.put("timeline", timeline.toLong());
        facts.put("start", start.toString());
        return facts;
    }

    private static void put(Map<String, Object> facts, String position, Lsn at) {
        if (at.isValid()) {
            facts.put(position, at.toString());
        }
    }

    private void say(Level level, String what, Map<String, Object> facts) {
        OptionalInt leftOut = repeats.write("%s %s %s %s %s".formatted(what, identity.shownName(), identity.user(), identity.address(), facts));
        LoggingEventBuilder line = log.atLevel(leftOut.isPresent() ? level : Level.DEBUG)
                .addKeyValue("standby", identity.shownName())
                .addKeyValue("user", identity.user())
                .addKeyValue("client", identity.client())
                .addKeyValue("pid", identity.pid());
        for (Map.Entry<String, Object> fact : facts.entrySet()) {
            line = line.addKeyValue(fact.getKey(), fact.getValue());
        }
        if (leftOut.orElse(0) > 0) {
            line = line.addKeyValue("left_out", leftOut.getAsInt());
        }
        line.log(what);
    }
}
