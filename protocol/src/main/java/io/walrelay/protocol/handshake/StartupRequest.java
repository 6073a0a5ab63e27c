package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a client asked for in its startup packet, after the rules of ProcessStartupPacket in backend_startup.c.
 *
 * @param database empty for physical replication, else the user's name when none was given
 * @param version the protocol version that the session speaks: the client's, or the newest that is known here
 * @param options the parameter {@code options}, command-line words for the session
 * @param parameters all others, such as application_name, in the order in which they came
 */
public record StartupRequest(
        String user,
        String database,
        SessionKind kind,
        ProtocolVersion version,
        Optional<String> options,
        Map<String, String> parameters) {

    /** The newest protocol version that is spoken here. */
    static final ProtocolVersion NEWEST = ProtocolVersion.V3_2;

    private static final String PROTOCOL_OPTION_PREFIX = "_pq_.";
    /** NAMEDATALEN - 1. */
    private static final int MAX_NAME_BYTES = 63;

    /** What comes of a startup packet. {@code negotiate}, when present, is sent in both cases and before anything else. */
    sealed interface Outcome {
        record Accepted(StartupRequest request, Optional<NegotiateProtocolVersion> negotiate) implements Outcome {}

        record Refused(Diagnostic diagnostic, Optional<NegotiateProtocolVersion> negotiate) implements Outcome {}
    }

    public StartupRequest {
        parameters = Collections.unmodifiableMap(new LinkedHashMap<>(parameters));
    }

    /** Bytes of the key in BackendKeyData: 32 for a client of protocol 3.2, 4 for an older one. */
    public int cancelKeyLength() {
        return version.compareTo(ProtocolVersion.V3_2) >= 0 ? 32 : 4;
    }

    static Outcome judge(StartupMessage message) {
        ProtocolVersion asked = message.version();
        if (asked.major() != NEWEST.major()) {
            return new Outcome.Refused(unsupported(asked), Optional.empty());
        }
        SessionKind kind = SessionKind.ORDINARY;
        String replication = message.parameters().get("replication");
        if (replication != null) {
            Optional<SessionKind> known = SessionKind.ofReplicationParameter(replication);
            if (known.isEmpty()) {
                return new Outcome.Refused(
                        Diagnostic.fatal("22023", "invalid value for parameter \"replication\": \"%s\"".formatted(replication))
                                .withHint("Valid values are: \"false\", 0, \"true\", 1, \"database\"."),
                        Optional.empty());
            }
            kind = known.get();
        }

        List<String> unknownOptions = message.parameters().keySet().stream()
                .filter(name -> name.startsWith(PROTOCOL_OPTION_PREFIX))
                .toList();
        ProtocolVersion version = asked.compareTo(NEWEST) > 0 ? NEWEST : asked;
        Optional<NegotiateProtocolVersion> negotiate = asked.equals(version) && unknownOptions.isEmpty()
                ? Optional.empty()
                : Optional.of(new NegotiateProtocolVersion(version, unknownOptions));

        Map<String, String> parameters = new LinkedHashMap<>(message.parameters());
        parameters.keySet().removeAll(unknownOptions);
        parameters.remove("replication");
        Optional<String> options = Optional.ofNullable(parameters.remove("options"));
        String user = truncated(parameters.getOrDefault("user", ""));
        String database = truncated(parameters.getOrDefault("database", ""));
        parameters.remove("user");
        parameters.remove("database");
        if (user.isEmpty()) {
            return new Outcome.Refused(
                    Diagnostic.fatal("28000", "no PostgreSQL user name specified in startup packet"), negotiate);
        }
        if (kind == SessionKind.PHYSICAL_REPLICATION) {
            database = "";
        } else if (database.isEmpty()) {
            database = user;
        }
        return new Outcome.Accepted(new StartupRequest(user, database, kind, version, options, parameters), negotiate);
    }

    static Diagnostic unsupported(ProtocolVersion asked) {
        return Diagnostic.fatal(
                "0A000", "unsupported frontend protocol %s: server supports 3.0 to %s".formatted(asked, NEWEST));
    }

    /** PostgreSQL cuts overlong names before it looks them up; never inside a character. */
    private static String truncated(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length <= MAX_NAME_BYTES) {
            return name;
        }
        int end = MAX_NAME_BYTES;
        while ((bytes[end] & 0xC0) == 0x80) {
            end--;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }
}
