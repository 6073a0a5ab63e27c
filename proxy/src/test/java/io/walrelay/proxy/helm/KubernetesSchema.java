package io.walrelay.proxy.helm;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import io.kubernetes.client.openapi.models.V1ConfigMap;
import io.kubernetes.client.openapi.models.V1Job;
import io.kubernetes.client.openapi.models.V1NetworkPolicy;
import io.kubernetes.client.openapi.models.V1Pod;
import io.kubernetes.client.openapi.models.V1PodDisruptionBudget;
import io.kubernetes.client.openapi.models.V1Service;
import io.kubernetes.client.openapi.models.V1ServiceAccount;
import io.kubernetes.client.openapi.models.V1StatefulSet;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/** What the API server takes: an unknown field, a missing one or one of another type is refused, as {@code kubectl --validate=strict} does. */
final class KubernetesSchema {

    private interface Check {
        void of(JsonElement object) throws IOException;
    }

    private static final Map<String, Check> KINDS = Map.of(
            "v1 ConfigMap", V1ConfigMap::validateJsonElement,
            "v1 Pod", V1Pod::validateJsonElement,
            "v1 Service", V1Service::validateJsonElement,
            "v1 ServiceAccount", V1ServiceAccount::validateJsonElement,
            "apps/v1 StatefulSet", V1StatefulSet::validateJsonElement,
            "batch/v1 Job", V1Job::validateJsonElement,
            "networking.k8s.io/v1 NetworkPolicy", V1NetworkPolicy::validateJsonElement,
            "policy/v1 PodDisruptionBudget", V1PodDisruptionBudget::validateJsonElement,
            // The Prometheus operator's, of which no library has the schema: the fields that are used here, as in its API reference.
            "monitoring.coreos.com/v1 PodMonitor", KubernetesSchema::podMonitor,
            "monitoring.coreos.com/v1 PrometheusRule", KubernetesSchema::prometheusRule);

    private KubernetesSchema() {}

    /** @throws AssertionError with what is wrong */
    static void check(JsonNode object) {
        String kind = object.path("apiVersion").asString() + " " + object.path("kind").asString();
        Check check = KINDS.get(kind);
        if (check == null) {
            throw new AssertionError("an object of kind " + kind + "; expected one of " + KINDS.keySet());
        }
        try {
            check.of(JsonParser.parseString(object.toString()));
        } catch (IOException | IllegalArgumentException e) {
            throw new AssertionError("%s %s: %s".formatted(kind, object.at("/metadata/name").asString(), e.getMessage()), e);
        }
    }

    private static void podMonitor(JsonElement object) {
        fields(object, Set.of("apiVersion", "kind", "metadata", "spec"));
        JsonElement spec = object.getAsJsonObject().get("spec");
        fields(spec, Set.of("selector", "podMetricsEndpoints"));
        fields(spec.getAsJsonObject().get("selector"), Set.of("matchLabels"));
        for (JsonElement endpoint : spec.getAsJsonObject().getAsJsonArray("podMetricsEndpoints")) {
            fields(endpoint, Set.of("port", "path", "interval", "scheme", "tlsConfig"));
        }
    }

    /** Its groups are Prometheus' own form, but that an expression may be a number. */
    private static void prometheusRule(JsonElement object) {
        fields(object, Set.of("apiVersion", "kind", "metadata", "spec"));
        JsonElement spec = object.getAsJsonObject().get("spec");
        fields(spec, Set.of("groups"));
        for (JsonElement group : spec.getAsJsonObject().getAsJsonArray("groups")) {
            fields(group, Set.of("name", "rules", "interval", "limit", "labels"));
            for (JsonElement rule : group.getAsJsonObject().getAsJsonArray("rules")) {
                fields(rule, Set.of("alert", "expr", "for", "keep_firing_for", "labels", "annotations", "record"));
            }
        }
    }

    private static void fields(JsonElement object, Set<String> known) {
        Set<String> unknown = object.getAsJsonObject().keySet().stream().filter(name -> !known.contains(name)).collect(Collectors.toSet());
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException("fields that are not known: " + unknown);
        }
    }
}
