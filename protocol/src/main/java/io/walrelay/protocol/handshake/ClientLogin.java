package io.walrelay.protocol.handshake;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Who logs in upstream, and to what. Prints no password.
 *
 * @param database empty leaves it to the server, which takes the user's name
 * @param parameters other startup parameters: application_name, options, client_encoding…
 */
public record ClientLogin(
        String user,
        Optional<String> database,
        SessionKind kind,
        Map<String, String> parameters,
        Credential credential) {

    public ClientLogin {
        if (user.isEmpty()) {
            throw new IllegalArgumentException("no user name to log in with");
        }
        parameters = Collections.unmodifiableMap(new LinkedHashMap<>(parameters));
    }

    Map<String, String> startupParameters() {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("user", user);
        database.ifPresent(name -> all.put("database", name));
        switch (kind) {
            case PHYSICAL_REPLICATION -> all.put("replication", "true");
            case LOGICAL_REPLICATION -> all.put("replication", "database");
            case ORDINARY -> {}
        }
        all.putAll(parameters);
        return all;
    }
}
