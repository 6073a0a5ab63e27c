package io.walrelay.proxy.helm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.TemplateCommand;
import io.walrelay.proxy.testkit.ManualBlock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the manual's commands for Helm and kubectl say of the chart, held against the chart: there is no cluster to run them on. */
final class ManualChartTest {

    /** As the pages call it. */
    private static final String RELEASE = "relay";

    private static final Pattern SET = Pattern.compile("--set(?:-string)? ([a-zA-Z.]+)=(?:'([^']*)'|([^ \\s]+))");

    private static final Pattern BARE_COMMA = Pattern.compile("(?<!\\\\),");
    private static final Pattern SECRET = Pattern.compile("kubectl create secret generic ([a-z-]+) --from-literal=([a-z]+)=");
    private static final Pattern OBJECT = Pattern.compile("\\brelay-walrelay(?:-[a-z]+)*");

    private String rendered = "";

    @BeforeEach
    void renderWhatThePagesInstall() throws IOException {
        TemplateCommand template = new Helm(Chart.DIRECTORY).template().withName(RELEASE).withKubeVersion(Chart.KUBERNETES);
        List<String> set = new ArrayList<>();
        for (ManualBlock block : blocks()) {
            SET.matcher(block.text()).results().forEach(value -> {
                set.add(value.group(1));
                template.set(value.group(1), unescaped(value.group(2) != null ? value.group(2) : value.group(3)));
            });
        }
        assertEquals(List.of("replicas", "config.upstream.conninfo", "upstream.password.existingSecret", "http.tokens.existingSecret", "image.tag"), set);
        rendered = template.call();
    }

    /** On Helm's command line a comma would begin the next value; here each value comes by itself. */
    private static String unescaped(String value) {
        assertFalse(BARE_COMMA.matcher(value).find(), value);
        return value.replace("\\,", ",");
    }

    private static List<ManualBlock> blocks() throws IOException {
        return Stream.concat(ManualBlock.of("helm/README.md").stream(), ManualBlock.of("docs/kubernetes.md").stream()).toList();
    }

    @Test
    void theValuesAreTaken() {
        for (String expected : List.of("replicas: 2", "host=pg1,pg2 user=walrelay sslmode=require", "image: walrelay:0.2.0")) {
            assertTrue(rendered.contains(expected), () -> "no %s in %s".formatted(expected, rendered));
        }
    }

    @Test
    void theSecretsHaveTheKeysThatTheRelayReads() throws IOException {
        String commands = blocks().stream().map(ManualBlock::text).collect(Collectors.joining("\n"));
        List<String> secrets = SECRET.matcher(commands)
                .results()
                .map(secret -> "name: \"?%s\"?\\s+key: \"?%s\"?\\s".formatted(secret.group(1), secret.group(2)))
                .toList();
        assertEquals(2, secrets.size());
        secrets.forEach(reference -> assertTrue(Pattern.compile(reference).matcher(rendered).find(), () -> "no %s in %s".formatted(reference, rendered)));
    }

    /** Pods have a number behind the name. */
    @Test
    void theNamesAreTheChartsOwn() throws IOException {
        Set<String> named = OBJECT.matcher(Files.readString(Path.of("../docs/kubernetes.md"))).results().map(name -> name.group()).collect(Collectors.toCollection(TreeSet::new));
        assertTrue(named.size() > 2, named::toString);
        named.forEach(name -> assertTrue(rendered.contains("name: %s\n".formatted(name)), () -> "no %s in %s".formatted(name, rendered)));
        assertTrue(rendered.contains("app.kubernetes.io/instance: " + RELEASE), rendered);
    }
}
