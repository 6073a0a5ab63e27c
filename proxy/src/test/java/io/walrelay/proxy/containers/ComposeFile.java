package io.walrelay.proxy.containers;

import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Mount;
import com.github.dockerjava.api.model.MountType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.testcontainers.images.builder.Transferable;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * {@code helm/compose.yaml}, as far as it says what is in a container: image, environment, files, rights. Networks, ports and the order of starts
 * are the tests' own. A key that is not known here is an error, so that nothing of the file is left out unseen.
 */
final class ComposeFile {

    /** Tests run in the module's directory. */
    private static final Path FILE = Path.of("..", "helm", "compose.yaml");

    private static final Pattern VARIABLE = Pattern.compile("\\$(?:\\$|\\{(\\w+):-([^}]*)})");
    private static final int READABLE = 0444;

    private final JsonNode root;

    ComposeFile() {
        try {
            root = new YAMLMapper().readTree(Files.readString(FILE));
        } catch (IOException e) {
            throw new UncheckedIOException("could not read " + FILE, e);
        }
    }

    /** The value of an environment variable of {@code service}. */
    String environment(String service, String variable) {
        return Optional.ofNullable(environment(service(service)).get(variable))
                .orElseThrow(() -> new AssertionError("%s: no %s in the environment of %s".formatted(FILE, variable, service)));
    }

    String image(String service) {
        return text(service(service).path("image"));
    }

    /**
     * Makes {@code container} what {@code service} is.
     *
     * @param name of the host
     * @param volume the name of the volume that takes the place of the file's
     */
    void furnish(NodeContainer container, String service, String name, String volume) {
        JsonNode node = service(service);
        container.withEnv(environment(node));
        node.path("configs").forEach(config -> container.withCopyToContainer(
                Transferable.of(text(root.at("/configs/" + config.path("source").asString() + "/content")), READABLE), config.path("target").asString()));
        container.withTmpFs(temporary(node.path("tmpfs")));
        container.withCreateContainerCmdModifier(command -> say(command.withHostName(name), node, volume));
    }

    private static void say(CreateContainerCmd command, JsonNode service, String volume) {
        HostConfig host = Optional.ofNullable(command.getHostConfig()).orElseThrow();
        for (Map.Entry<String, JsonNode> entry : service.properties()) {
            JsonNode value = entry.getValue();
            switch (entry.getKey()) {
                case "command" -> command.withCmd(texts(value));
                case "entrypoint" -> command.withEntrypoint(texts(value));
                case "user" -> command.withUser(text(value));
                case "read_only" -> host.withReadonlyRootfs(value.asBoolean());
                case "cap_drop" -> host.withCapDrop(texts(value).stream().map(Capability::valueOf).toArray(Capability[]::new));
                case "security_opt" -> host.withSecurityOpts(texts(value));
                case "mem_limit" -> host.withMemory(Long.parseLong(text(value).replace("g", "")) << 30);
                case "volumes" -> host.withMounts(List.of(
                        new Mount().withType(MountType.VOLUME).withSource(volume).withTarget(text(value.get(0)).replaceFirst("^[^:]*:", ""))));
                case "image", "environment", "configs", "tmpfs", "hostname", "healthcheck", "depends_on", "ports", "stop_grace_period" -> {}
                default -> throw new AssertionError("%s: %s is not known here".formatted(FILE, entry.getKey()));
            }
        }
    }

    private JsonNode service(String name) {
        JsonNode service = root.at("/services/" + name);
        if (!service.isObject()) {
            throw new AssertionError("%s: no service %s".formatted(FILE, name));
        }
        return service;
    }

    private static Map<String, String> environment(JsonNode service) {
        Map<String, String> environment = new TreeMap<>();
        service.path("environment").properties().forEach(e -> environment.put(e.getKey(), text(e.getValue())));
        return environment;
    }

    private static Map<String, String> temporary(JsonNode list) {
        Map<String, String> options = new TreeMap<>();
        for (String entry : texts(list)) {
            int colon = entry.indexOf(':');
            options.put(entry.substring(0, colon), entry.substring(colon + 1));
        }
        return options;
    }

    private static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(value -> texts.add(text(value)));
        return texts;
    }

    /** $$ is $, and a variable has its default unless the environment says otherwise, as docker compose has it. */
    private static String text(JsonNode value) {
        return VARIABLE.matcher(value.asString()).replaceAll(match -> Matcher.quoteReplacement(expand(match)));
    }

    private static String expand(MatchResult match) {
        return match.group(1) == null ? "$" : System.getenv().getOrDefault(match.group(1), match.group(2));
    }
}
