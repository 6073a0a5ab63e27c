package io.walrelay.proxy.helm;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MappingIterator;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** The chart in {@code helm/}, rendered by Helm's own code with no cluster. Confined to one thread. */
final class Chart {

    static final String RELEASE = "prod";
    static final String NAMESPACE = "db";

    static final Path DIRECTORY = Path.of("../helm");

    private static final YAMLMapper YAML = new YAMLMapper();

    private final Path values;

    /** @param directory where it may write */
    Chart(Path directory) {
        values = directory.resolve("values.yaml");
    }

    static LintResult lint() {
        return new Helm(DIRECTORY).lint().strict().call();
    }

    /**
     * All objects that an installation with these values makes, hooks and tests too.
     *
     * @throws IllegalStateException as Helm's message, when the schema or a template refuses them
     */
    List<JsonNode> render(String yaml) throws IOException {
        Files.writeString(values, yaml);
        String rendered = new Helm(DIRECTORY)
                .template()
                .withName(RELEASE)
                .withNamespace(NAMESPACE)
                .withKubeVersion("1.31.0")
                .withValuesFile(values)
                .call();
        List<JsonNode> objects = new ArrayList<>();
        try (MappingIterator<JsonNode> documents = YAML.readerFor(JsonNode.class).readValues(rendered)) {
            documents.forEachRemaining(document -> {
                if (document.isObject()) {
                    objects.add(document);
                }
            });
        }
        return objects;
    }

    static JsonNode read(Path yaml) throws IOException {
        return YAML.readTree(Files.readString(yaml));
    }

    static JsonNode read(String yaml) {
        return YAML.readTree(yaml);
    }
}
