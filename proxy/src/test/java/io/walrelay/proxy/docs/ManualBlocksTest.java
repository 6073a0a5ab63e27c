package io.walrelay.proxy.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.config.SettingsSources;
import io.walrelay.proxy.testkit.ManualBlock;
import io.walrelay.proxy.testkit.ManualPage;
import io.walrelay.proxy.testkit.ManualScript;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * Every block of code in the manual is run by a test, or read by what it is for, or stands here with the reason why not. Who writes another one puts
 * it into a script of {@code src/test/manual}, on a page that is run as a whole, or here.
 */
final class ManualBlocksTest {

    /**
     * @param beginning of one of its lines
     * @param why no test runs it, and what shows as much of it as can be shown
     */
    private record Excepted(String page, String beginning, String why) {

        boolean is(ManualBlock block) {
            return block.page().equals(page) && block.lines().stream().anyMatch(line -> line.startsWith(beginning));
        }
    }

    private static final List<Excepted> EXCEPTED = List.of(
            new Excepted("README.md", "./walrelay demo --seconds 20", "DemoIT runs it, with another number of seconds"),
            new Excepted("docs/restore.md", "GET|HEAD /wal/NAME", "a table; ManualPathsTest looks whether the port has the paths"),
            new Excepted("docs/operate.md", "cluster 7713352581703790990", "what a damaged archive looks like: VerifyCommandTest and VerifyIT damage one"),
            new Excepted("helm/README.md", "kubectl create secret", "needs a cluster; ManualChartTest renders the chart with what it sets"),
            new Excepted("docs/kubernetes.md", "helm upgrade relay", "needs a cluster; ManualChartTest renders the chart with what it sets, RollingUpgradeIT does its steps"),
            new Excepted("docs/kubernetes.md", "helm uninstall relay", "needs a cluster; ChartTest renders the Job that follows, SlotsIT drops slots as it does"),
            new Excepted("docs/kubernetes.md", "mvn -B -ntp package -DskipTests -Pimage", "half a minute and Docker: .ci/image and .ci/containers do it"),
            new Excepted("docs/kubernetes.md", "docker run -d", "needs Docker: .ci/image runs the image with the same restrictions"),
            new Excepted("docs/kubernetes.md", "docker compose -f", "needs Docker: .ci/containers brings the file up, and the tests of its profile break what is in it"));

    private static final String DRAWING = "▶";

    private static final Pattern KEY = Pattern.compile("(?m)^\\| `([a-z-]+)[.a-z-]*` \\|");
    private static final Pattern FILE = Pattern.compile("/etc/walrelay/[a-z.]+");
    private static final Pattern VARIABLE = Pattern.compile("([A-Z_]+)=(.*)");

    /** What builds, measures or tests for minutes, for who works on the code. */
    private static final Pattern BUILD = Pattern.compile("(?:mvn|\\.ci/[a-z-]+)(?: .*)?");

    private static final Pattern SCRIPT = Pattern.compile("\\.ci/[a-z-]+");
    private static final Pattern TESTS = Pattern.compile("-D(?:it\\.)?test=(\\w+)");
    private static final Pattern PROFILE = Pattern.compile("-P(\\w+)");

    private static final YAMLMapper YAML = new YAMLMapper();

    private static final Path REPOSITORY = Path.of("..");

    /** The first words of keys. */
    private final Set<String> sections;

    @TempDir
    private Path directory;

    ManualBlocksTest() throws IOException {
        sections = KEY.matcher(Files.readString(REPOSITORY.resolve("docs/configure.md"))).results().map(key -> key.group(1)).collect(Collectors.toSet());
    }

    private static Set<ManualBlock> run() throws IOException {
        Set<ManualBlock> blocks = new HashSet<>();
        for (String script : ManualScript.names()) {
            blocks.addAll(new ManualScript(script).blocks());
        }
        for (String page : ManualPage.ALL) {
            blocks.addAll(new ManualPage(page).blocks());
        }
        return blocks;
    }

    private boolean isRead(ManualBlock block) {
        return isConfiguration(block) || isEnvironment(block) || isBuild(block) || block.text().contains(DRAWING);
    }

    @Test
    void noneIsLeftOut() throws IOException {
        Set<ManualBlock> run = run();
        assertTrue(run.size() > 60, run::toString);
        assertEquals(
                List.of(),
                ManualBlock.ofAllPages().stream()
                        .filter(block -> !run.contains(block) && !isRead(block) && EXCEPTED.stream().noneMatch(exception -> exception.is(block)))
                        .toList());
    }

    @Test
    void whatIsExceptedIsThereAndNotRun() throws IOException {
        Set<ManualBlock> run = run();
        List<ManualBlock> others = ManualBlock.ofAllPages().stream().filter(block -> !run.contains(block)).toList();
        EXCEPTED.forEach(exception -> assertEquals(1, others.stream().filter(exception::is).count(), exception::toString));
    }

    private boolean isConfiguration(ManualBlock block) {
        try {
            JsonNode root = YAML.readTree(block.text());
            return root.isObject() && sections.containsAll(root.propertyNames());
        } catch (JacksonException _) {
            return false;
        }
    }

    private static boolean isEnvironment(ManualBlock block) {
        return block.lines().stream().allMatch(line -> VARIABLE.matcher(line).matches());
    }

    private static boolean isBuild(ManualBlock block) {
        return block.lines().stream().allMatch(line -> BUILD.matcher(line).matches());
    }

    /** Each part of a configuration is one that the relay takes, beside the least that it needs. */
    @TestFactory
    Stream<DynamicTest> theRelayTakesTheSettings() throws IOException {
        List<ManualBlock> blocks = ManualBlock.ofAllPages().stream().filter(block -> isConfiguration(block) || isEnvironment(block)).toList();
        assertTrue(blocks.size() > 10, blocks::toString);
        return blocks.stream().map(block -> DynamicTest.dynamicTest(block.toString(), () -> {
            Map<String, String> environment = new HashMap<>();
            Optional<Path> file = Optional.empty();
            if (isEnvironment(block)) {
                block.lines().forEach(line -> environment.put(line.substring(0, line.indexOf('=')), line.substring(line.indexOf('=') + 1)));
            } else {
                file = Optional.of(Files.writeString(directory.resolve("walrelay.yaml"), FILE.matcher(block.text()).replaceAll(_ -> aFile())));
                if (!block.text().contains("conninfo:")) {
                    environment.put("WALRELAY_UPSTREAM_CONNINFO", "host=pg1 user=walrelay");
                }
            }
            var _ = new SettingsSources(file, environment, Map.of("--data", directory.toString()), "here", 1L << 40).conclude();
        }));
    }

    /** Any of ours, in the place of what lies in /etc/walrelay. */
    private static String aFile() {
        return Path.of("pom.xml").toAbsolutePath().toString();
    }

    /** What is not run, since it builds or runs everything, names scripts, tests and profiles that there are. */
    @TestFactory
    Stream<DynamicTest> whatBuildsIsThere() throws IOException {
        List<String> lines = ManualBlock.ofAllPages().stream().filter(ManualBlocksTest::isBuild).flatMap(block -> block.lines().stream()).distinct().toList();
        assertTrue(lines.size() > 10, lines::toString);
        return lines.stream().map(line -> DynamicTest.dynamicTest(line, () -> {
            for (String script : found(SCRIPT, 0, line)) {
                assertTrue(Files.isExecutable(REPOSITORY.resolve(script)), script);
                Process parsed = new ProcessBuilder("bash", "-n", REPOSITORY.resolve(script).toString()).inheritIO().start();
                assertTrue(parsed.waitFor(Duration.ofSeconds(10)) && parsed.exitValue() == 0, script);
            }
            for (String test : found(TESTS, 1, line)) {
                assertTrue(test.equals("none") || sources().contains(test + ".java"), test);
            }
            for (String profile : found(PROFILE, 1, line)) {
                assertTrue(Files.readString(REPOSITORY.resolve("pom.xml")).contains("<id>%s</id>".formatted(profile)), profile);
            }
        }));
    }

    private static List<String> found(Pattern pattern, int group, String line) {
        return pattern.matcher(line).results().map((MatchResult match) -> match.group(group)).toList();
    }

    private static Set<String> sources() throws IOException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> modules = Files.list(REPOSITORY)) {
            for (Path tests : modules.map(module -> module.resolve("src/test/java")).filter(Files::isDirectory).toList()) {
                try (Stream<Path> walk = Files.walk(tests)) {
                    walk.forEach(files::add);
                }
            }
        }
        return files.stream().map(file -> file.getFileName().toString()).collect(Collectors.toSet());
    }
}
