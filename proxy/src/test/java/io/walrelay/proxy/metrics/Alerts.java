package io.walrelay.proxy.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** The alert rules that come with the relay. */
record Alerts(List<Alert> all) {

    static final Path DIRECTORY = Path.of("../docs/prometheus");
    static final Path FILE = DIRECTORY.resolve("alerts.yaml");

    /** One rule. */
    record Alert(String name, String expression, String severity, String summary, String description, String runbook) {
        String texts() {
            return summary + description;
        }
    }

    static Alerts read() throws IOException {
        JsonNode groups = new YAMLMapper().readTree(Files.readString(FILE)).path("groups");
        return new Alerts(StreamSupport.stream(groups.spliterator(), false)
                .flatMap(group -> StreamSupport.stream(group.path("rules").spliterator(), false))
                .map(rule -> new Alert(
                        rule.path("alert").asString(),
                        rule.path("expr").asString(),
                        rule.at("/labels/severity").asString(),
                        rule.at("/annotations/summary").asString(),
                        rule.at("/annotations/description").asString(),
                        rule.at("/annotations/runbook").asString()))
                .toList());
    }
}
