package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import java.util.List;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Patroni's answer to {@code GET /cluster} (patroni/utils.py, cluster_as_json):
 *
 * <pre>
 *   {"members": [{"name": "pg1", "role": "leader", "host": "10.0.0.1", "port": 5432, …}, {"name": "pg2", "role": "replica", …}], …}
 * </pre>
 */
final class PatroniCluster {

    /** In a standby cluster the leader is itself a standby; Patroni before 4 says master elsewhere in its API. */
    private static final Set<String> LEADERS = Set.of("leader", "standby_leader", "primary", "master");

    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private PatroniCluster() {}

    /**
     * The member that is the leader.
     *
     * @throws IllegalArgumentException if there is not exactly one, or it is another document
     */
    static HostAddress leader(String document) {
        JsonNode members = read(document).path("members");
        if (!members.isArray()) {
            throw new IllegalArgumentException("a document without members; expected that of Patroni's /cluster");
        }
        List<JsonNode> leaders = members.valueStream().filter(m -> LEADERS.contains(m.path("role").asString(""))).toList();
        if (leaders.size() != 1) {
            throw new IllegalArgumentException("%d leaders among %d members; expected one".formatted(leaders.size(), members.size()));
        }
        JsonNode leader = leaders.getFirst();
        String host = leader.path("host").asString("");
        int port = leader.path("port").asInt(HostAddress.DEFAULT_PORT);
        if (host.isEmpty()) {
            throw new IllegalArgumentException("leader \"%s\", who has no host".formatted(leader.path("name").asString("")));
        }
        return HostAddress.of(host, port);
    }

    private static JsonNode read(String document) {
        try {
            return MAPPER.readTree(document);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("what is no JSON: " + e.getOriginalMessage(), e);
        }
    }
}
