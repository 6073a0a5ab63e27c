package io.walrelay.proxy.helm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.auth.JdbcAuthQuery;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.config.SettingsSources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What image, compose file and chart have to agree on. That the image runs is shown by {@code .ci/image}, which builds it. */
final class ImageTest {

    private static final Path POM = Path.of("pom.xml");

    /** But for the archive of classes, which belongs to a directory that it can be written to, and the native code that the build has unpacked. */
    @Test
    void javaIsStartedAsTheLauncherStartsIt() throws IOException {
        List<String> launcher = options(Path.of("../walrelay"));
        assertTrue(launcher.contains("-Xmx192m"), launcher::toString);
        launcher.removeIf(option -> option.contains("SharedArchive") || option.startsWith("-Djava.library.path"));

        assertEquals(launcher, options(Path.of("src/image/walrelay")));
    }

    @Test
    void theComposeFilesRelayIsConfiguredAsTheRelayReadsIt() throws Exception {
        JsonNode relay = compose().at("/services/relay");
        Map<String, String> environment = relay.path("environment").properties().stream().collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().asString()));
        Settings settings = new SettingsSources(Optional.empty(), environment, Map.of(), relay.path("hostname").asString(), 512L << 20).conclude();

        assertEquals("walrelay_relay", settings.upstream().slot());
        assertTrue(settings.data().startsWith("/var/lib/walrelay"), settings.data()::toString);
    }

    /** Comments left out; compose takes $$ for $. */
    @Test
    void theComposeFilesFunctionIsTheOneOfSetupSql() throws IOException {
        String sql = compose().at("/configs/roles/content").asString().replace("$$$$", "$$");
        String function = JdbcAuthQuery.setupSql().replaceAll("(?m)^\\s*--.*\\n", "").replace("OR REPLACE ", "");

        assertTrue(words(sql).contains(words(function)), sql);
    }

    @Test
    void imageChartAndComposeFileHaveOneVersion() throws IOException {
        String version = find("<version>([^<]+)</version>", Files.readString(POM));

        assertEquals(version, Chart.read(Chart.DIRECTORY.resolve("Chart.yaml")).path("appVersion").asString());
        assertEquals("walrelay:" + version, compose().at("/services/relay/image").asString());
        assertEquals(
                find("<user>(\\d+):", Files.readString(POM)),
                Chart.read(Chart.DIRECTORY.resolve("values.yaml")).at("/podSecurityContext/runAsUser").asString());
    }

    private static JsonNode compose() throws IOException {
        return Chart.read(Chart.DIRECTORY.resolve("compose.yaml"));
    }

    /** The options of the relay's own JVM, the last that a launcher starts. */
    private static List<String> options(Path launcher) throws IOException {
        String script = Files.readString(launcher);
        String command = script.substring(script.lastIndexOf("exec "));
        return Pattern.compile("--?[A-Z-][\\w:+=*.,-]+|--[a-z-]+=\\S+")
                .matcher(command.substring(0, command.indexOf("-cp")))
                .results()
                .map(MatchResult::group)
                .collect(Collectors.toCollection(ArrayList::new));
    }

    private static String words(String sql) {
        return sql.replaceAll("\\s+", " ").strip();
    }

    private static String find(String pattern, String text) {
        var matcher = Pattern.compile(pattern).matcher(text);
        assertTrue(matcher.find(), pattern);
        return matcher.group(1);
    }
}
