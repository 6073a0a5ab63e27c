package io.walrelay.wal.format;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ServerParametersTest {

    private static final ServerParameters BEFORE = new ServerParameters(100, 8, 10, 0, 64, WalLevel.REPLICA, false, true);

    @Test
    void areWhatShowSays() {
        assertEquals(ServerParameters.NAMES, List.copyOf(BEFORE.settings().keySet()));
        Map<String, String> shown = new HashMap<>(BEFORE.settings());
        shown.put("server_version", "15.18");
        assertEquals(Optional.of(BEFORE), ServerParameters.ofSettings(shown));
    }

    @Test
    void areNoneWhenOneIsMissingOrOfAnotherForm() {
        for (String name : ServerParameters.NAMES) {
            Map<String, String> shown = new HashMap<>(BEFORE.settings());
            shown.remove(name);
            assertEquals(Optional.empty(), ServerParameters.ofSettings(shown), name);
        }
        Map<String, String> shown = new HashMap<>(BEFORE.settings());
        shown.put("wal_level", "archive");
        assertEquals(Optional.empty(), ServerParameters.ofSettings(shown));
        shown.putAll(BEFORE.settings());
        shown.put("max_connections", "many");
        assertEquals(Optional.empty(), ServerParameters.ofSettings(shown));
    }

    @Test
    void onlyWhatARaiseTouchesIsAStandbysBusiness() {
        ServerParameters after = new ServerParameters(200, 4, 10, 5, 64, WalLevel.LOGICAL, true, true);
        assertEquals(Map.of("max_connections", 200, "max_prepared_transactions", 5), after.raisedFrom(BEFORE));
        assertEquals(Map.of("max_worker_processes", 8), BEFORE.raisedFrom(after));
        assertEquals(
                List.of("max_connections from 100 to 200", "max_worker_processes from 8 to 4", "max_prepared_transactions from 0 to 5",
                        "wal_level from replica to logical", "wal_log_hints from off to on"),
                after.differencesFrom(BEFORE).stream().map(ServerParameters.Difference::toString).toList());
        assertEquals(List.of(), BEFORE.differencesFrom(BEFORE));
    }
}
