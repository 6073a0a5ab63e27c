package io.walrelay.proxy.helm;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MappingIterator;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** The chart in {@code helm/}, rendered by Helm's own code with no cluster. Confined to one thread. */
final class Chart {

    static final String RELEASE = "prod";
    static final String NAMESPACE = "db";

    static final String KUBERNETES = "1.31.0";

    static final Path DIRECTORY = Path.of("../helm");

    private static final YAMLMapper YAML = new YAMLMapper();

    /** Helm's template leaves hooks out, so they are rendered as if they were none, with these names of what makes them such. */
    static final String HOOK = "hook.example/";

    private static final String HELMS_HOOK = "helm.sh/hook";

    /** The least that an installation has to say. */
    private static final String LEAST = """
            config: {upstream: {conninfo: "host=pg1,pg2 user=walrelay"}}
            http: {tokens: {existingSecret: walrelay-http}}
            """;

    private final Path values;
    private final Path chart;

    /** @param directory where it may write */
    Chart(Path directory) throws IOException {
        values = directory.resolve("values.yaml");
        chart = directory.resolve("chart");
        try (Stream<Path> files = Files.walk(DIRECTORY)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = chart.resolve(DIRECTORY.relativize(file));
                Files.createDirectories(copy.getParent());
                Files.writeString(copy, Files.readString(file).replace(HELMS_HOOK, HOOK + "hook"));
            }
        }
    }

    static LintResult lint() {
        return new Helm(DIRECTORY).lint().strict().call();
    }

    /** All objects that an installation with these values makes, hooks and tests too: each as Kubernetes' schema wants it. */
    Rendered checked(String yaml) throws IOException {
        Rendered rendered = new Rendered(render(yaml));
        rendered.all().forEach(KubernetesSchema::check);
        return rendered;
    }

    /**
     * @param yaml what goes before the least, key by key
     * @throws IllegalStateException as Helm's message, when the schema or a template refuses them
     */
    private List<JsonNode> render(String yaml) throws IOException {
        Files.writeString(values, merged(yaml));
        String rendered = new Helm(chart)
                .template()
                .withName(RELEASE)
                .withNamespace(NAMESPACE)
                .withKubeVersion(KUBERNETES)
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

    /** What an installation prints for people. */
    String notes(String yaml) throws IOException {
        Files.writeString(values, merged(yaml));
        String printed = new Helm(DIRECTORY)
                .install()
                .withName(RELEASE)
                .withNamespace(NAMESPACE)
                .withKubeVersion(KUBERNETES)
                .withValuesFile(values)
                .clientOnly()
                .dryRun()
                .call()
                .getOutput();
        return printed.substring(printed.indexOf("NOTES:"));
    }

    private static String merged(String yaml) {
        return Merge.of(read(LEAST), read(yaml.isEmpty() ? "{}" : yaml)).toString();
    }

    static JsonNode read(Path yaml) throws IOException {
        return YAML.readTree(Files.readString(yaml));
    }

    static JsonNode read(String yaml) {
        return YAML.readTree(yaml);
    }
}
