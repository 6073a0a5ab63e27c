package io.walrelay.proxy.helm;

import static io.walrelay.proxy.helm.Rendered.items;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** What the chart's objects say of each other and of the relay: Kubernetes takes a policy that lets nobody in, and a probe that asks nobody. */
final class ChartObjectsTest {

    private static final JsonNode RELAYS =
            Chart.read("{app.kubernetes.io/name: walrelay, app.kubernetes.io/instance: prod, app.kubernetes.io/component: relay}");

    @TempDir
    private Path directory;

    private Chart chart;

    @BeforeEach
    void setUp() throws IOException {
        chart = new Chart(directory);
    }

    private Rendered render(String values) throws IOException {
        Rendered rendered = chart.checked(values);
        rendered.checkReferences();
        return rendered;
    }

    /** The number of a port that is named, as the relay's container has it. */
    private static int port(Rendered rendered, JsonNode name) {
        return items(rendered.relay().path("ports"))
                .filter(port -> port.path("name").equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no port " + name))
                .path("containerPort")
                .asInt();
    }

    /** The rule that lets somebody come to a port. */
    private static JsonNode ingress(Rendered rendered, int port) {
        List<JsonNode> rules = items(rendered.one("NetworkPolicy").at("/spec/ingress"))
                .filter(rule -> items(rule.path("ports")).anyMatch(one -> port(rendered, one.path("port")) == port))
                .toList();
        assertEquals(1, rules.size(), rules::toString);
        return rules.getFirst();
    }

    @Test
    void aNetworkPolicyIsForTheRelaysAndLetsEverybodyComeToBothPortsIfNobodyIsNamed() throws Exception {
        Rendered rendered = render("networkPolicy: {enabled: true}");

        JsonNode policy = rendered.one("NetworkPolicy").path("spec");
        assertEquals(RELAYS, policy.at("/podSelector/matchLabels"));
        assertTrue(ingress(rendered, 6433).path("from").isMissingNode(), "an empty list would be nobody");
        assertTrue(ingress(rendered, 8433).path("from").isMissingNode(), "an empty list would be nobody");
        assertEquals(2, policy.path("ingress").size());
        // With the type and no rule nothing could be connected to, not even upstream.
        assertEquals(Chart.read("[Ingress]"), policy.path("policyTypes"));
        assertTrue(policy.path("egress").isMissingNode());
        assertFalse(render("").has("NetworkPolicy"));
    }

    @Test
    void aNetworkPolicyKeepsToWhoIsNamedAndLetsTheRelaysReachEachOther() throws Exception {
        Rendered rendered = render("""
                networkPolicy:
                  enabled: true
                  standbys: [{podSelector: {matchLabels: {role: standby}}}]
                  http: [{ipBlock: {cidr: 10.0.0.0/8}}]
                  egress: [{to: [{ipBlock: {cidr: 10.1.0.0/16}}], ports: [{port: 5432}]}]
                """);

        assertEquals(Chart.read("[{podSelector: {matchLabels: {role: standby}}}]"), ingress(rendered, 6433).path("from"));
        JsonNode http = ingress(rendered, 8433).path("from");
        assertEquals(Chart.read("{ipBlock: {cidr: 10.0.0.0/8}}"), http.path(0));
        assertEquals(2, http.size(), http::toString);
        JsonNode own = http.at("/1/podSelector/matchLabels");
        JsonNode test = rendered.one("Pod").at("/metadata/labels");
        for (JsonNode labels : List.of(rendered.one("StatefulSet").at("/spec/template/metadata/labels"), test)) {
            own.properties().forEach(label -> assertEquals(label.getValue(), labels.path(label.getKey()), label::toString));
        }
        assertFalse(own.isEmpty(), "an empty selector is every pod");
        JsonNode spec = rendered.one("NetworkPolicy").path("spec");
        assertEquals(Chart.read("[Ingress, Egress]"), spec.path("policyTypes"));
        assertEquals(Chart.read("[{to: [{ipBlock: {cidr: 10.1.0.0/16}}], ports: [{port: 5432}]}]"), spec.path("egress"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "'' | http",
        "'tls: {existingSecret: t}' | https",
        "'tls: {existingSecret: t, http: false}' | http",
        "'tls: {existingSecret: t, clientCertificates: true}' | https",
    })
    void whoAsksAtTheHttpPortSpeaksWhatItSpeaks(String values, String scheme) throws Exception {
        Rendered rendered = render("replicas: 2\nmetrics: {annotations: true, podMonitor: {enabled: true, interval: 7s, labels: {release: prometheus}}}\n" + values);

        assertEquals(scheme.equals("https"), !Chart.read(rendered.configuration()).at("/http/tls").isMissingNode());
        for (String probe : List.of("startupProbe/healthz", "livenessProbe/healthz", "readinessProbe/readyz")) {
            JsonNode asks = rendered.relay().path(probe.substring(0, probe.indexOf('/'))).path("httpGet");
            assertEquals(probe.substring(probe.indexOf('/')), asks.path("path").asString());
            assertEquals(8433, port(rendered, asks.path("port")), probe);
            assertEquals(scheme.toUpperCase(Locale.ROOT), asks.path("scheme").asString(), probe);
        }
        JsonNode annotations = rendered.one("StatefulSet").at("/spec/template/metadata/annotations");
        assertEquals(List.of("true", "8433", "/metrics", scheme), List.of("scrape", "port", "path", "scheme").stream()
                .map(key -> annotations.path("prometheus.io/" + key).asString())
                .toList());
        JsonNode monitor = rendered.one("PodMonitor");
        assertEquals("prometheus", monitor.at("/metadata/labels/release").asString());
        assertEquals(RELAYS, monitor.at("/spec/selector/matchLabels"));
        assertEquals(1, monitor.at("/spec/podMetricsEndpoints").size());
        JsonNode endpoint = monitor.at("/spec/podMetricsEndpoints/0");
        assertEquals(8433, port(rendered, endpoint.path("port")));
        assertEquals("/metrics", endpoint.path("path").asString());
        assertEquals("7s", endpoint.path("interval").asString());
        assertEquals(scheme, endpoint.path("scheme").asString("http"));
        assertEquals(scheme.equals("https"), endpoint.at("/tlsConfig/insecureSkipVerify").asBoolean(false), "by its address, which no certificate names");
        String asked = rendered.one("Pod").at("/spec/containers/0/args/0").asString();
        for (int i = 0; i < 2; i++) {
            assertTrue(asked.contains("%s://prod-walrelay-%d.prod-walrelay-pods.db.svc.cluster.local:8433/readyz".formatted(scheme, i)), asked);
        }
    }

    @Test
    void aProbeHasTimeForWhatALargeDirectoryTakesAtTheStart() throws Exception {
        JsonNode relay = render("probes: {startup: {periodSeconds: 10, failureThreshold: 360}, liveness: {timeoutSeconds: 9}}").relay();

        assertEquals(3_600, relay.at("/startupProbe/periodSeconds").asInt() * relay.at("/startupProbe/failureThreshold").asInt());
        assertEquals(9, relay.at("/livenessProbe/timeoutSeconds").asInt());
        // What is not given stays.
        assertEquals(6, relay.at("/livenessProbe/failureThreshold").asInt());
        assertEquals(2, relay.at("/readinessProbe/failureThreshold").asInt());
    }

    @Test
    void theRelayHasTheMemoryThatIsGiven() throws Exception {
        assertEquals(Chart.read("{requests: {cpu: 250m, memory: 1Gi}, limits: {memory: 1Gi}}"), render("").relay().path("resources"));
        assertEquals(
                Chart.read("{requests: {cpu: '2', memory: 4Gi}, limits: {memory: 4Gi}}"),
                render("resources: {requests: {cpu: '2', memory: 4Gi}, limits: {memory: 4Gi}}").relay().path("resources"));
    }

    @Test
    void relaysAreSpreadOverNodesAndZonesUnlessOtherwiseSaid() throws Exception {
        List<JsonNode> spread = items(render("replicas: 3").pod().path("topologySpreadConstraints")).toList();

        assertEquals(List.of("kubernetes.io/hostname", "topology.kubernetes.io/zone"), spread.stream().map(one -> one.path("topologyKey").asString()).toList());
        for (JsonNode one : spread) {
            assertEquals(1, one.path("maxSkew").asInt());
            // One relay more on a node is better than one less.
            assertEquals("ScheduleAnyway", one.path("whenUnsatisfiable").asString());
            assertEquals(RELAYS, one.at("/labelSelector/matchLabels"));
        }
        String own = "[{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]";
        assertEquals(Chart.read(own), render("topologySpreadConstraints: " + own).pod().path("topologySpreadConstraints"));
    }

    @Test
    void eachReplicaHasAServiceOfItsOwnForStandbysElsewhere() throws Exception {
        Rendered rendered = render("replicas: 3\nservice: {postgresql: {type: LoadBalancer, port: 5432, perReplica: true, annotations: {a: b}}}");

        for (int i = 0; i < 3; i++) {
            JsonNode service = rendered.named("Service", "prod-walrelay-" + i);
            assertEquals("LoadBalancer", service.at("/spec/type").asString());
            assertEquals("b", service.at("/metadata/annotations/a").asString());
            assertTrue(service.at("/spec/publishNotReadyAddresses").asBoolean(), "standbys are served by one that is not ready, too");
            assertEquals("prod-walrelay-" + i, service.at("/spec/selector").path("statefulset.kubernetes.io/pod-name").asString());
            assertEquals(1, service.at("/spec/ports").size(), "not the HTTP port");
            assertEquals(5432, service.at("/spec/ports/0/port").asInt());
            assertEquals(6433, port(rendered, service.at("/spec/ports/0/targetPort")));
        }
        assertEquals(6, rendered.ofKind("Service").count());
        assertEquals(3, render("replicas: 3").ofKind("Service").count());
    }

    @Test
    void anImageByDigestIsThatImageWhateverItsTag() throws Exception {
        String digest = "sha256:" + "0123456789abcdef".repeat(4);
        Rendered rendered = render("image: {repository: registry:5000/walrelay, tag: '1.0', digest: '%s', pullSecrets: [{name: s}]}".formatted(digest));

        for (JsonNode pod : List.of(rendered.pod(), rendered.one("Job").at("/spec/template/spec"))) {
            assertEquals("registry:5000/walrelay@" + digest, pod.at("/containers/0/image").asString());
            assertEquals(Optional.of("s"), items(pod.path("imagePullSecrets")).map(secret -> secret.path("name").asString()).findFirst());
        }
        String version = Chart.read(Chart.DIRECTORY.resolve("Chart.yaml")).path("appVersion").asString();
        assertEquals("walrelay:" + version, render("").relay().path("image").asString());
        assertEquals("walrelay:1.0", render("image: {tag: '1.0'}").relay().path("image").asString());
    }
}
