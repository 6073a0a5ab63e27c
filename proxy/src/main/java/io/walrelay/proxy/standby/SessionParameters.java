package io.walrelay.proxy.standby;

import io.walrelay.protocol.handshake.StartupRequest;
import io.walrelay.proxy.state.UpstreamFacts;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What ParameterStatus tells a session: upstream's values, but for those that are the session's own (guc_tables.c, GUC_REPORT). */
final class SessionParameters {

    private SessionParameters() {}

    static Map<String, String> of(UpstreamFacts facts, StartupRequest request) {
        Map<String, String> parameters = new LinkedHashMap<>(facts.parameters());
        // Clients refuse to stream without it; no PostgreSQL of this century has another value.
        parameters.put("integer_datetimes", "on");
        // pgjdbc leaves when it hears of another encoding or date style than it asked for. What the relay itself says is ASCII,
        // and of dates and zones it says nothing.
        for (String own : List.of("client_encoding", "DateStyle", "TimeZone")) {
            request.parameters().entrySet().stream()
                    .filter(asked -> asked.getKey().equalsIgnoreCase(own))
                    .findFirst()
                    .ifPresent(asked -> parameters.put(own, asked.getValue()));
        }
        parameters.put("application_name", SessionIdentity.applicationName(request));
        parameters.put("session_authorization", request.user());
        parameters.put("is_superuser", "off");
        // Not there before PostgreSQL 14. What the relay serves can only be read from, wherever it comes from.
        parameters.computeIfPresent("in_hot_standby", (_, _) -> "on");
        return parameters;
    }
}
