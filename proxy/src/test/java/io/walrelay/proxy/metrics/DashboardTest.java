package io.walrelay.proxy.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.testkit.Promtool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** That Grafana can import the dashboard, and a person read it. What its expressions ask for, {@link MonitoringIT} compares with a relay. */
final class DashboardTest {

    @TempDir
    private Path directory;

    @Test
    void prometheusParsesEveryExpression() throws IOException {
        List<Dashboard.Query> queries = Dashboard.read().queries();
        assertTrue(queries.size() > 50, queries::toString);
        // As recording rules, for which promtool has a check.
        String rules = queries.stream()
                .map(query -> "{record: q, labels: {panel: %s}, expr: %s}".formatted(quoted(query.panel() + query.expression()), quoted(query.plain())))
                .collect(Collectors.joining(", ", "{groups: [{name: dashboard, rules: [", "]}]}"));
        Path file = Files.writeString(directory.resolve("rules.yaml"), rules);
        String said = Promtool.run("", "check", "rules", file.toString()).orFail();
        assertTrue(said.contains("SUCCESS: %d rules found".formatted(queries.size())), said);
    }

    /** JSON's strings are YAML's. */
    private static String quoted(String text) {
        return JsonMapper.shared().writeValueAsString(text);
    }

    @Test
    void itCanBeImportedIntoAGrafanaThatItDoesNotKnow() throws IOException {
        Dashboard dashboard = Dashboard.read();
        assertEquals("walrelay", dashboard.json().path("uid").asString());
        assertTrue(dashboard.json().path("id").isMissingNode() || dashboard.json().path("id").isNull(), "an id is another Grafana's");
        assertEquals("datasource", dashboard.variables().getFirst().path("type").asString());
        List<JsonNode> sources = dashboard.json().findValues("datasource");
        sources.stream().filter(source -> source.path("type").asString().equals("prometheus")).forEach(source -> assertEquals("${datasource}", source.path("uid").asString()));
        assertFalse(Files.readString(Dashboard.FILE).contains("__inputs"), "the data source is a variable");
    }

    @Test
    void everyPanelSaysWhatItShowsAndInWhichUnit() throws IOException {
        Set<Integer> ids = new HashSet<>();
        for (JsonNode panel : Dashboard.read().panels()) {
            String title = panel.path("title").asString();
            assertFalse(title.isEmpty() || panel.path("description").asString().isEmpty(), panel::toString);
            assertTrue(Set.of("bytes", "s", "Bps", "none", "percentunit", "reqps").contains(panel.at("/fieldConfig/defaults/unit").asString()), title);
            assertTrue(ids.add(panel.path("id").asInt()), () -> title + ": its id is another's, too");
            Dashboard.items(panel.path("targets")).forEach(target -> {
                assertFalse(target.path("legendFormat").asString().isEmpty(), title);
                assertTrue(target.path("expr").asString().contains("$instance"), () -> title + " shows other relays than those selected");
            });
        }
    }

    @Test
    void noPanelLiesOnAnother() throws IOException {
        Set<List<Integer>> taken = new HashSet<>();
        for (JsonNode panel : Dashboard.items(Dashboard.read().json().path("panels")).toList()) {
            JsonNode at = panel.path("gridPos");
            assertTrue(at.path("x").asInt() + at.path("w").asInt() <= 24, panel::toString);
            for (int x = 0; x < at.path("w").asInt(); x++) {
                for (int y = 0; y < at.path("h").asInt(); y++) {
                    assertTrue(taken.add(List.of(at.path("x").asInt() + x, at.path("y").asInt() + y)), () -> panel.path("title").asString());
                }
            }
        }
    }
}
