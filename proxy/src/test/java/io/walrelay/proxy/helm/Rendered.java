package io.walrelay.proxy.helm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;

/** What one rendering made, by kind and name; and what no schema sees: whether its parts fit each other. */
record Rendered(List<JsonNode> all) {

    Rendered {
        all = List.copyOf(all);
    }

    Stream<JsonNode> ofKind(String kind) {
        return all.stream().filter(object -> object.path("kind").asString().equals(kind));
    }

    boolean has(String kind) {
        return ofKind(kind).findAny().isPresent();
    }

    JsonNode one(String kind) {
        List<JsonNode> found = ofKind(kind).toList();
        assertEquals(1, found.size(), () -> kind + ": " + found);
        return found.getFirst();
    }

    JsonNode named(String kind, String name) {
        return ofKind(kind).filter(object -> name(object).equals(name)).findFirst().orElseThrow(() -> new AssertionError("no " + kind + " " + name));
    }

    static String name(JsonNode object) {
        return object.at("/metadata/name").asString();
    }

    static Stream<JsonNode> items(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false);
    }

    /** The container of the relay. */
    JsonNode relay() {
        return one("StatefulSet").at("/spec/template/spec/containers/0");
    }

    JsonNode pod() {
        return one("StatefulSet").at("/spec/template/spec");
    }

    String configuration() {
        return named("ConfigMap", name(one("StatefulSet"))).at("/data/walrelay.yaml").asString();
    }

    /** Kubernetes takes a pod whose container mounts what is not there, and a service that leads nowhere; nobody would be told. */
    void checkReferences() {
        ofKind("StatefulSet").forEach(set -> checkPod(set.at("/spec/template/spec"), items(set.at("/spec/volumeClaimTemplates"))));
        ofKind("Job").forEach(job -> checkPod(job.at("/spec/template/spec"), Stream.of()));
        JsonNode relays = one("StatefulSet").at("/spec/template/metadata/labels");
        ofKind("Service").forEach(service -> {
            assertTrue(selects(service.at("/spec/selector"), relays), () -> service + " selects no relay");
            Set<String> ports = items(relay().path("ports")).map(port -> port.path("name").asString()).collect(Collectors.toSet());
            items(service.at("/spec/ports")).forEach(port -> assertTrue(ports.contains(port.path("targetPort").asString()), port::toString));
            others().forEach(labels -> assertTrue(!selects(service.at("/spec/selector"), labels), () -> service + " selects a hook's pod"));
        });
        Stream.of("PodDisruptionBudget", "PodMonitor", "StatefulSet").flatMap(this::ofKind).forEach(object -> {
            JsonNode selector = object.at("/spec/selector/matchLabels");
            assertTrue(!selector.isEmpty() && selects(selector, relays), () -> object + " selects no relay");
        });
        assertTrue(ofKind("Service").anyMatch(service -> name(service).equals(one("StatefulSet").at("/spec/serviceName").asString())), "serviceName");
        Set<String> names = new TreeSet<>();
        all.forEach(object -> assertTrue(names.add(object.path("kind").asString() + " " + name(object)), () -> "twice: " + name(object)));
    }

    private Stream<JsonNode> others() {
        return Stream.concat(ofKind("Job").map(job -> job.at("/spec/template/metadata/labels")), ofKind("Pod").map(pod -> pod.at("/metadata/labels")));
    }

    /** A pod's own name is a label that Kubernetes gives. */
    private static boolean selects(JsonNode selector, JsonNode labels) {
        return selector.properties().stream()
                .filter(label -> !label.getKey().equals("statefulset.kubernetes.io/pod-name"))
                .allMatch(label -> label.getValue().equals(labels.path(label.getKey())));
    }

    private static void checkPod(JsonNode pod, Stream<JsonNode> claims) {
        List<String> volumes = Stream.concat(items(pod.path("volumes")).map(volume -> volume.path("name").asString()), claims.map(Rendered::name))
                .sorted(Comparator.naturalOrder())
                .toList();
        assertEquals(List.copyOf(new TreeSet<>(volumes)), volumes, "no volume twice");
        items(pod.path("containers")).forEach(container -> {
            items(container.path("volumeMounts"))
                    .forEach(mount -> assertTrue(volumes.contains(mount.path("name").asString()), () -> mount + " is none of " + volumes));
            List<String> variables = items(container.path("env")).map(variable -> variable.path("name").asString()).toList();
            assertEquals(variables.size(), Set.copyOf(variables).size(), variables::toString);
        });
    }
}
