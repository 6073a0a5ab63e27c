package io.walrelay.proxy.helm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.marcnuri.helm.LintResult;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.config.SettingsSources;
import io.walrelay.proxy.config.TlsSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The chart for all its switches: by Kubernetes' schemas, and by the relay's own reader for the configuration that it makes. */
final class ChartTest {

    @TempDir
    private Path directory;

    private Chart chart;

    @BeforeEach
    void setUp() throws IOException {
        chart = new Chart(directory);
    }

    @Test
    void passesHelmsStrictLint() {
        LintResult result = Chart.lint();

        assertFalse(result.isFailed(), result.getMessages()::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "",
        "replicas: 3",
        "replicas: 3\ntls: {existingSecret: walrelay-tls}",
        "tls: {existingSecret: walrelay-tls, clientCertificates: true}",
        "tls: {existingSecret: walrelay-tls, http: false}",
        "tls: {existingSecret: walrelay-tls, postgresql: false}",
        "replicas: 2\ntls: {existingSecret: walrelay-tls, caKey: ''}",
        "upstream: {password: {existingSecret: walrelay-upstream}}",
        "persistence: {enabled: false}",
        "persistence: {storageClass: fast, annotations: {a: b}, retention: {whenDeleted: Delete}}",
        "replicas: 2\npodDisruptionBudget: {maxUnavailable: 50%}",
        "replicas: 2\npodDisruptionBudget: {enabled: false}",
        "networkPolicy: {enabled: true}",
        "networkPolicy: {enabled: true, standbys: [{podSelector: {}}], http: [{ipBlock: {cidr: 10.0.0.0/8}}], egress: [{ports: [{port: 5432}]}]}",
        "metrics: {annotations: true}",
        "metrics: {podMonitor: {enabled: true, labels: {release: prometheus}}}\ntls: {existingSecret: walrelay-tls}",
        "metrics: {prometheusRule: {enabled: true, labels: {release: prometheus}}, dashboard: {enabled: true, labels: {grafana: 'yes'}}}",
        "slotCleanup: {skipUnreachable: true}\nreplicas: 2",
        "slotCleanup: {enabled: false}\ntest: {enabled: false}\nserviceAccount: {create: false}",
        "serviceAccount: {annotations: {eks.amazonaws.com/role-arn: x}, automountToken: true}",
        "replicas: 2\nservice: {postgresql: {type: LoadBalancer, port: 5432, perReplica: true, annotations: {a: b}}, http: {annotations: {c: d}}}",
        "jvm: {options: [-Xmx256m, -Xlog:gc]}\nlog: {level: debug, format: text}\nterminationGracePeriodSeconds: 90",
        "image: {repository: registry/walrelay, digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000000', pullSecrets: [{name: s}]}",
        "fullnameOverride: a-very-long-name-that-goes-on-and-on-and-on-and-on-and-on-and-on\nreplicas: 12",
        "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]\naffinity: {nodeAffinity: {}}\nnodeSelector: {a: b}\n"
                + "tolerations: [{key: a, operator: Exists}]\npriorityClassName: high\npodLabels: {c: d}\npodAnnotations: {e: f}",
        "extraEnv: [{name: AWS_REGION, value: eu}]\nextraEnvFrom: [{secretRef: {name: s3}}]\nextraVolumes: [{name: ca, secret: {secretName: ca}}]\n"
                + "extraVolumeMounts: [{name: ca, mountPath: /etc/walrelay/upstream}]",
    })
    void whatItMakesIsValidAndItsConfigurationIsRead(String values) throws Exception {
        Rendered rendered = render(values);

        rendered.checkReferences();
        conclude(rendered);
    }

    @Test
    void kubernetesRefusesAFieldThatItDoesNotKnowHoweverDeep() throws Exception {
        JsonNode wrong = Chart.read(render("").one("StatefulSet").toString().replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"));

        String message = String.valueOf(assertThrows(AssertionError.class, () -> KubernetesSchema.check(wrong)).getMessage());
        assertTrue(message.contains("readOnlyRootFileSystem"), message);
    }

    @Test
    void standsByItselfWithTheLeast() throws Exception {
        Rendered rendered = render("");
        Settings settings = conclude(rendered);

        assertEquals(Set.of("ConfigMap", "Service", "ServiceAccount", "StatefulSet", "Job", "Pod"), kinds(rendered));
        assertEquals("walrelay_prod_walrelay_0", settings.upstream().slot());
        assertEquals("0.0.0.0:6433", settings.listen().address().toString());
        assertEquals("0.0.0.0:8433", settings.http().address().toString());
        assertEquals(List.of(), settings.peers().urls());
        assertEquals("host=prod-walrelay-0.prod-walrelay-pods.db.svc.cluster.local port=6433", settings.reachedAt());
        // Nine tenths of 60 GiB.
        assertEquals(55_296L << 20, settings.cache().disk().bytes());
        JsonNode pod = rendered.pod();
        assertTrue(pod.at("/securityContext/runAsNonRoot").asBoolean());
        assertTrue(rendered.relay().at("/securityContext/readOnlyRootFilesystem").asBoolean());
        assertFalse(pod.path("automountServiceAccountToken").asBoolean(true));
        assertTrue(Path.of(settings.data().toString()).startsWith("/var/lib/walrelay"), "data lies on the volume");
        assertFalse(rendered.named("Service", "prod-walrelay-http").at("/spec/publishNotReadyAddresses").asBoolean());
        for (String service : List.of("prod-walrelay", "prod-walrelay-pods")) {
            assertTrue(rendered.named("Service", service).at("/spec/publishNotReadyAddresses").asBoolean(), service);
        }
    }

    @Test
    void replicasAreRelaysWithSlotsOfTheirOwnThatNameEachOther() throws Exception {
        Rendered rendered = render("replicas: 3\ntls: {existingSecret: walrelay-tls}");

        List<String> peers = conclude(rendered).peers().urls().stream().map(Object::toString).toList();
        String first = "https://prod-walrelay-0.prod-walrelay-pods.db.svc.cluster.local:8433";
        assertEquals(List.of(first, first.replace("relay-0", "relay-1"), first.replace("relay-0", "relay-2")), peers);
        assertEquals(1, rendered.one("PodDisruptionBudget").at("/spec/maxUnavailable").asInt());
        // What uninstalling drops is what the relays take: each by the pod's name.
        assertEquals(3, rendered.one("Job").at("/spec/completions").asInt());
        for (int i = 0; i < 3; i++) {
            assertEquals(conclude(rendered, "prod-walrelay-" + i).upstream().slot(), droppedSlot(rendered, i));
        }
    }

    @Test
    void hooksActWhenTheReleaseIsGoneAndWhenATestIsAskedFor() throws Exception {
        Rendered rendered = render("");

        assertEquals("post-delete", rendered.one("Job").at("/metadata/annotations").path(Chart.HOOK + "hook").asString());
        assertEquals("test", rendered.one("Pod").at("/metadata/annotations").path(Chart.HOOK + "hook").asString());
        JsonNode variables = rendered.one("Job").at("/spec/template/spec/containers/0/env");
        assertTrue(
                Rendered.items(variables).anyMatch(v -> v.path("name").asString().equals("WALRELAY_UPSTREAM_CONNINFO") && v.path("value").asString().equals("host=pg1,pg2 user=walrelay")),
                variables::toString);
        // What belongs to the release is gone by then.
        assertTrue(rendered.one("Job").at("/spec/template/spec/serviceAccountName").isMissingNode());
        assertFalse(rendered.one("Job").toString().contains("configMap"));
    }

    @Test
    void theNotesHaveWhatStandbysNeed() throws Exception {
        String notes = chart.notes("replicas: 2\ntls: {existingSecret: walrelay-tls}");

        String hosts = "prod-walrelay-0.prod-walrelay-pods.db.svc.cluster.local,prod-walrelay-1.prod-walrelay-pods.db.svc.cluster.local";
        assertTrue(notes.contains("primary_conninfo = 'host=" + hosts + " port=6433 user=repl sslmode=verify-full"), notes);
        assertTrue(notes.contains("walrelay_prod_walrelay_0, walrelay_prod_walrelay_1"), notes);
        assertTrue(notes.contains("--relay https://prod-walrelay-0."), notes);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "",
        "replicas: 2\ntls: {existingSecret: walrelay-tls}",
        "tls: {existingSecret: walrelay-tls, caKey: ''}",
        "tls: {existingSecret: walrelay-tls, http: false}",
        "tls: {existingSecret: walrelay-tls, clientCertificates: true}",
        "tls: {existingSecret: walrelay-tls, clientCertificates: true}\nhttp: {tokens: {existingSecret: ''}}",
        "config: {http: {insecure: true}}\nhttp: {tokens: {existingSecret: ''}}",
    })
    void theCommandToPasteShowsWhatTheConfigurationDemands(String values) throws Exception {
        Rendered rendered = render(values);
        HttpSettings http = conclude(rendered).http();
        var pasted = Pattern.compile("restore_command = 'walrelay restore %f %p --relay (\\S+)([^']*)'").matcher(chart.notes(values));
        assertTrue(pasted.find());

        boolean tokens = !http.tokens().isEmpty();
        boolean certificates = http.tls().flatMap(TlsSettings::clientCa).isPresent() && !tokens;
        boolean authority = http.tls().isPresent() && rendered.pod().path("volumes").toString().contains("\"ca.crt\"");
        assertEquals(
                (tokens ? " --token-file /path/to/token" : "")
                        + (certificates ? " --cert /path/to/client.crt --key /path/to/client.key" : "")
                        + (authority ? " --ca-file /path/to/ca.crt" : ""),
                pasted.group(2));
        assertTrue(tokens || certificates || http.insecure(), "whoever reaches the port is let in, which nobody asked for");
        for (String url : pasted.group(1).split(",", -1)) {
            assertTrue(url.startsWith(http.tls().isPresent() ? "https://" : "http://"), url);
        }
    }

    @Test
    void slotsOfLongNamesStayApart() throws Exception {
        Rendered rendered = render("fullnameOverride: %s\nreplicas: 99".formatted("long-".repeat(30)));

        String slot = conclude(rendered, Rendered.name(rendered.one("StatefulSet")) + "-98").upstream().slot();
        assertTrue(slot.endsWith("_98"), slot);
        assertEquals(slot, droppedSlot(rendered, 98));
    }

    @ParameterizedTest
    @CsvSource({"30s,60", "2min,150", "1500ms,32", "1h,3630"})
    void aPodHasTheTimeThatStandbysHave(String stop, int seconds) throws Exception {
        Rendered rendered = render("config: {upstream: {conninfo: host=pg1 user=walrelay}, standbys: {stop-timeout: %s}}".formatted(stop));

        assertEquals(seconds, rendered.pod().path("terminationGracePeriodSeconds").asInt());
        assertTrue(Duration.ofSeconds(seconds).compareTo(conclude(rendered).standbys().stopTimeout()) > 0);
    }

    @Test
    void alertsAndDashboardComeThroughAsTheyAre() throws Exception {
        Rendered rendered = render("metrics: {prometheusRule: {enabled: true}, dashboard: {enabled: true}}");

        assertEquals(Chart.read(Chart.DIRECTORY.resolve("prometheus/alerts.yaml")), rendered.one("PrometheusRule").path("spec"));
        JsonNode dashboard = rendered.named("ConfigMap", "prod-walrelay-dashboard");
        assertEquals("1", dashboard.at("/metadata/labels/grafana_dashboard").asString());
        String json = dashboard.path("data").path("walrelay.json").asString();
        assertEquals(Chart.read(Chart.DIRECTORY.resolve("prometheus/dashboard.json")), Chart.read(json));
    }

    @Test
    void secretsAreReferredToOnly() throws Exception {
        Rendered rendered = render("upstream: {password: {existingSecret: pg, key: pw}}");

        assertEquals("pg pw", secret(rendered, "PGPASSWORD"));
        assertEquals("walrelay-http tokens", secret(rendered, "WALRELAY_HTTP_TOKENS"));
        assertFalse(rendered.has("Secret"));
    }

    @Test
    void everyKeyOfTheManualCanBeGiven() throws Exception {
        Set<String> manual = new TreeSet<>();
        var row = Pattern.compile("(?m)^\\| `([a-z.-]+)` \\|").matcher(Files.readString(Path.of("../docs/configure.md")));
        while (row.find()) {
            manual.add(row.group(1));
        }
        // Tokens are secrets.
        assertTrue(manual.remove("http.tokens"));
        Set<String> schema = new TreeSet<>();
        keys("", Chart.read(Chart.DIRECTORY.resolve("values.schema.json")).at("/properties/config"), schema);
        assertEquals(manual, schema);
    }

    @Test
    void whatIsGivenGoesBeforeWhatTheChartKnows() throws Exception {
        Rendered rendered = render("""
                config:
                  upstream: {conninfo: "host=pg1 user=walrelay", slot: "r_{hostname}", acknowledge: 'any 1 (a, b)', start: 16/B374D848}
                  listen: {address: "0.0.0.0:5432", hba: ["host all all samenet scram-sha-256"]}
                  data: /var/lib/walrelay
                  cache: {memory: 128MB, disk: 10GB, on-full: hold-upstream}
                  standbys: {max-write-rate: 10000, named: [{name: reports, delay: 1h, rate: 50MB/s}]}
                  feedback: {max-xmin-age: 2000000000, cap-catalog: true}
                  peers: ["http://elsewhere:8433"]
                """);
        Settings settings = conclude(rendered);

        assertEquals(5432, settings.listen().address().port());
        assertEquals("r_prod_walrelay_0", settings.upstream().slot());
        assertEquals(10L << 30, settings.cache().disk().bytes());
        assertEquals(10_000, settings.standbys().maxWriteRate());
        assertEquals("http://elsewhere:8433", settings.peers().urls().getFirst().toString());
        assertEquals("r_prod_walrelay_0", droppedSlot(rendered, 0));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "config: {cache: {memroy: 1GB}} | memroy",
        "config: {cache: {memory: 1GiB}} | memory",
        "config: {upstream: {conninfo: host=pg1 password=x}} | conninfo",
        "config: {upstream: {conninfo: 'postgresql://walrelay:x@pg1'}} | conninfo",
        "config: {http: {tokens: [{token: x}]}} | tokens",
        "config: {standbys: {stop-timeout: 30}} | stop-timeout",
        "config: {standbys: {max-write-rate: 0}} | max-write-rate",
        "config: {upstream: {conninfo: ''}} | config.upstream.conninfo",
        "config: {upstream: {slot: fixed}}\\nreplicas: 2 | config.upstream.slot",
        "config: {upstream: {slot: 'a_slot_name_that_is_long_enough_to_be_too_long_for_{hostname}'}} | config.upstream.slot",
        "http: {tokens: {existingSecret: ''}} | http.tokens.existingSecret",
        "replicas: 0 | replicas",
        "replicas: '3' | replicas",
        "tls: {clientCertificates: true} | existingSecret",
        "tls: {secret: x} | secret",
        "terminationGracePeriodSeconds: 20 | terminationGracePeriodSeconds",
        "image: {tag: 1} | tag",
        "image: {digest: latest} | digest",
        "persistence: {accessModes: [ReadWriteMany]} | accessModes",
        "persistence: {size: 60GB} | size",
        "service: {postgresql: {type: ExternalName}} | type",
        "log: {level: verbose} | level",
        "jvm: {options: ['-Xmx1g -Xms1g']} | options",
        "metrics: {dashboard: {enable: true}} | enable",
        "misspelt: 1 | misspelt",
    })
    void whatCanNotBeIsRefusedByName(String values, String named) {
        String message = String.valueOf(assertThrows(IllegalStateException.class, () -> render(values.replace("\\n", "\n"))).getMessage());

        assertTrue(message.contains(named), message);
    }

    private static String secret(Rendered rendered, String variable) {
        JsonNode found = Rendered.items(rendered.relay().path("env")).filter(v -> v.path("name").asString().equals(variable)).findFirst().orElseThrow();
        JsonNode reference = found.at("/valueFrom/secretKeyRef");
        return reference.path("name").asString() + " " + reference.path("key").asString();
    }

    private Rendered render(String values) throws IOException {
        return chart.checked(values);
    }

    private Settings conclude(Rendered rendered) throws Exception {
        return conclude(rendered, Rendered.name(rendered.one("StatefulSet")) + "-0");
    }

    /** As the relay would in the pod of that name: the files of the Secret are elsewhere. */
    private Settings conclude(Rendered rendered, String pod) throws Exception {
        Path mounted = Files.createDirectories(directory.resolve("tls"));
        for (String file : List.of("tls.crt", "tls.key", "ca.crt")) {
            Files.writeString(mounted.resolve(file), "");
        }
        Path file = directory.resolve("walrelay.yaml");
        Files.writeString(file, rendered.configuration().replace("/etc/walrelay/tls", mounted.toString()));
        Map<String, String> environment = new HashMap<>();
        Rendered.items(rendered.relay().path("env"))
                .forEach(variable -> environment.put(variable.path("name").asString(), variable.path("value").asString("secret read-only;other")));
        long half = 512L << 20;
        return new SettingsSources(Optional.of(file), environment, Map.of(), pod, half).conclude();
    }

    /** Kubernetes puts the number in (Job, completionMode Indexed). */
    private static String droppedSlot(Rendered rendered, int index) {
        String argument = rendered.one("Job").at("/spec/template/spec/containers/0/args/3").asString();
        return argument.replace("--slot=", "").replace("$(JOB_COMPLETION_INDEX)", String.valueOf(index));
    }

    private static Set<String> kinds(Rendered rendered) {
        return rendered.all().stream().map(object -> object.path("kind").asString()).collect(Collectors.toSet());
    }

    private static void keys(String name, JsonNode schema, Set<String> found) {
        if (!schema.has("properties")) {
            found.add(name);
            return;
        }
        schema.path("properties").properties().forEach(property -> keys(name.isEmpty() ? property.getKey() : name + "." + property.getKey(), property.getValue(), found));
    }
}
