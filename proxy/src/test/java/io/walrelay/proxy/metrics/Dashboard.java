package io.walrelay.proxy.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The dashboard for Grafana that comes with the relay. */
record Dashboard(JsonNode json) {

    static final Path FILE = Alerts.DIRECTORY.resolve("dashboard.json");

    /**
     * What a panel, an annotation or a variable asks Prometheus.
     *
     * @param panel its title
     * @param legend with labels in braces
     */
    record Query(String panel, String expression, String legend) {

        /** With Grafana's variables as they are when all is selected, for those who know only Prometheus' language. */
        String plain() {
            return expression.replace("$__rate_interval", "5m").replaceAll("\\$\\w+", ".*");
        }
    }

    static Dashboard read() throws IOException {
        return new Dashboard(JsonMapper.shared().readTree(Files.readString(FILE)));
    }

    List<JsonNode> panels() {
        return items(json.path("panels")).filter(panel -> !panel.path("type").asString().equals("row")).toList();
    }

    List<JsonNode> variables() {
        return items(json.at("/templating/list")).toList();
    }

    List<Query> queries() {
        List<Query> queries = new ArrayList<>();
        for (JsonNode panel : panels()) {
            items(panel.path("targets")).forEach(target ->
                    queries.add(new Query(panel.path("title").asString(), target.path("expr").asString(), target.path("legendFormat").asString())));
        }
        items(json.at("/annotations/list")).filter(annotation -> annotation.has("expr")).forEach(annotation ->
                queries.add(new Query(annotation.path("name").asString(), annotation.path("expr").asString(), annotation.path("titleFormat").asString())));
        // label_values(metric, label): a function of Grafana, not of Prometheus.
        Pattern values = Pattern.compile("label_values\\((.*), (\\w+)\\)");
        for (JsonNode variable : variables()) {
            values.matcher(variable.path("definition").asString("")).results().forEach(m ->
                    queries.add(new Query(variable.path("name").asString(), m.group(1), "{{" + m.group(2) + "}}")));
        }
        return queries;
    }

    static Stream<JsonNode> items(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false);
    }
}
