package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.FakeRelay;
import io.walrelay.proxy.testkit.Programs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The launcher at the root of the repository, in a copy of the checkout whose path has a space. */
@Timeout(300)
final class LauncherIT {

    /** Tests run in the module's directory. */
    private static final Path REPOSITORY = Path.of("").toAbsolutePath().resolve("..").normalize();

    private static final Path JDK = Path.of(System.getProperty("java.home"));
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final String JAR = "proxy/target/proxy-0.1.0.jar";
    private static final String SOURCE = "proxy/src/main/java/io/walrelay/proxy/cli/Main.java";

    /** Stands for all of the relay's sources, which take Maven a minute; says what ran it. */
    private static final String SMALL_MAIN = """
            package io.walrelay.proxy.cli;

            /** Stands for the relay. */
            public final class Main {

                private Main() {}

                public static void main(String[] arguments) {
                    System.out.println(System.getProperty("java.home") + " runs " + String.join(" ", arguments));
                }
            }
            """;

    @TempDir
    private Path directory;

    /** What the build runs itself. */
    private static final String BUILD_PROGRAM = "proxy/src/build/java/ModernClassFiles.java";

    private final Map<String, String> environment = new HashMap<>();
    private final List<Path> links = new ArrayList<>();

    private Path checkout() {
        return directory.resolve("check out");
    }

    private Path tools() {
        return directory.resolve("tools");
    }

    /** Everything but sources. */
    @BeforeEach
    void copyTheCheckout() throws IOException {
        Files.createDirectories(tools());
        environment.put("PATH", tools() + ":" + System.getenv("PATH"));
        try (Stream<Path> poms = Files.find(REPOSITORY, 2, (path, _) -> path.endsWith("pom.xml"))) {
            for (Path file : Stream.concat(poms, Stream.of("walrelay", BUILD_PROGRAM).map(REPOSITORY::resolve)).toList()) {
                Path copy = checkout().resolve(REPOSITORY.relativize(file));
                Files.createDirectories(copy.resolveSibling(""));
                Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
                setAge(copy, Duration.ofHours(1));
            }
        }
        write(SOURCE, SMALL_MAIN);
        setAge(checkout().resolve(SOURCE), Duration.ofHours(1));
    }

    /** As if this checkout had just been built from that source. */
    private void bringWhatIsBuilt() throws IOException {
        Path jar = checkout().resolve(JAR);
        Files.createDirectories(jar.resolveSibling(""));
        Files.copy(REPOSITORY.resolve(JAR), jar);
        link(jar.resolveSibling("lib"), REPOSITORY.resolve(JAR).resolveSibling("lib"));
    }

    private void write(String file, String content) throws IOException {
        Path path = checkout().resolve(file);
        Files.createDirectories(path.resolveSibling(""));
        Files.writeString(path, content);
    }

    private Path link(Path link, Path target) throws IOException {
        links.add(link);
        return Files.createSymbolicLink(link, target);
    }

    /** JUnit warns of links that lead out of its directory. */
    @AfterEach
    void removeLinks() throws IOException {
        for (Path link : links) {
            Files.delete(link);
        }
    }

    private static void setAge(Path file, Duration age) throws IOException {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(age)));
    }

    /** A program that is found before others of its name. */
    private void tool(String name, String script) throws IOException {
        Files.setPosixFilePermissions(
                Files.writeString(tools().resolve(name), "#!/bin/sh\n" + script + "\n"), PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** A java that says beside it that it is of {@code version}, and must not be run. */
    private Path javaOf(String version) throws IOException {
        Path home = Files.createDirectories(directory.resolve("jdk-" + version));
        Files.writeString(home.resolve("release"), "JAVA_VERSION=\"%s\"\n".formatted(version));
        Path java = Files.createDirectories(home.resolve("bin")).resolve("java");
        Files.setPosixFilePermissions(Files.writeString(java, "#!/bin/sh\nexit 99\n"), PosixFilePermissions.fromString("rwxr-xr-x"));
        return java;
    }

    private Programs.Result launch(String... arguments) {
        return launch(checkout().resolve("walrelay"), arguments);
    }

    private Programs.Result launch(Path launcher, String... arguments) {
        List<String> command = new ArrayList<>(List.of("env"));
        for (String variable : new String[] {"JAVA_HOME", "JAVA25_HOME"}) {
            if (!environment.containsKey(variable)) {
                command.addAll(List.of("-u", variable));
            }
        }
        command.add(launcher.toString());
        command.addAll(Arrays.asList(arguments));
        return run(command);
    }

    private Programs.Result run(List<String> command) {
        try (ExternalProcess process = ExternalProcess.start(command, environment)) {
            int status = process.awaitExit(LIMIT);
            return new Programs.Result(command, status, process.output());
        }
    }

    private static String mavenOfThisMachine() {
        return Stream.of(System.getenv("PATH").split(":", -1))
                .map(place -> Path.of(place, "mvn"))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new AssertionError("there is no mvn on PATH"))
                .toString();
    }

    @Test
    void buildsWithTheJdkThatItIsTold() throws IOException {
        Path odd = link(directory.resolve("a jdk"), JDK);
        Path seen = directory.resolve("java25-home");
        tool("mvn", "echo \"$JAVA25_HOME\" >'%s'; exec '%s' \"$@\"".formatted(seen, mavenOfThisMachine()));
        // What it needs is in Maven's local repository: the build that runs this test has just used it.
        String repository = System.getProperty("maven.repo.local");
        write(".mvn/maven.config", "-o\n" + (repository == null ? "" : "-Dmaven.repo.local=" + repository + "\n"));
        environment.put("WALRELAY_JAVA", odd.resolve("bin/java").toString());

        Path elsewhere = link(directory.resolve("elsewhere"), checkout().resolve("walrelay"));
        Programs.Result built = launch(elsewhere, "serve", "--data", "a b");
        assertEquals(
                """
                walrelay: building (nothing is built yet); this takes some minutes, and downloads libraries the first time
                %s runs serve --data a b
                """.formatted(JDK),
                built.orFail());
        assertEquals(JDK.toRealPath() + "\n", Files.readString(seen));
        assertTrue(Files.exists(checkout().resolve("proxy/target/lib/base")), "the libraries");

        Programs.Result again = launch("--version");
        assertEquals(JDK + " runs --version\n", again.orFail());
    }

    @Test
    void buildsAgainWhenASourceIsNewer() throws IOException {
        bringWhatIsBuilt();
        environment.put("WALRELAY_JAVA", JDK.resolve("bin/java").toString());
        Path seen = directory.resolve("command-line");
        tool("mvn", "echo \"$PWD: $*\" >>'%s'".formatted(seen));
        assertTrue(launch("--version").orFail().startsWith("walrelay 0.1.0"));
        assertFalse(Files.exists(seen), "built although nothing is newer");

        for (String file : new String[] {SOURCE, "pom.xml"}) {
            setAge(checkout().resolve(file), Duration.ofHours(-1));
            Programs.Result newer = launch("--version");
            String name = file.substring(file.lastIndexOf('/') + 1);
            assertTrue(newer.orFail().startsWith("walrelay: building (%s is newer)".formatted(name)), newer::output);
            assertTrue(newer.output().endsWith("walrelay 0.1.0\n"), newer::output);
            assertEquals(checkout() + ": -q -B -ntp -Dstyle.color=never package -DskipTests -Plauncher\n", Files.readString(seen), file);
            Files.delete(seen);
            setAge(checkout().resolve(file), Duration.ofHours(1));
        }
    }

    /** The JVM is set up for what is over in seconds, and its arguments stay as they are. */
    @Test
    void aRewindDoesWithoutTheSecondCompiler() throws IOException {
        bringWhatIsBuilt();
        environment.put("WALRELAY_JAVA", JDK.resolve("bin/java").toString());
        environment.put("WALRELAY_JAVA_OPTS", "-XX:+PrintCommandLineFlags");
        Programs.Result refused = launch("rewind", "-D", "a b", "--source-pgdata", "a b", "--source-server", "host=a*");
        assertTrue(refused.output().contains("-XX:TieredStopAtLevel=1 "), refused::output);
        assertTrue(refused.output().contains("only one of --source-pgdata or --source-server"), refused::output);
        environment.put("WALRELAY_JAVA_OPTS", "-XX:TieredStopAtLevel=4 -XX:+PrintCommandLineFlags");
        assertTrue(launch("rewind", "-D", "a b").output().contains("-XX:TieredStopAtLevel=4 "), "what is asked for wins");
    }

    @Test
    void aBuildThatFailsIsShownAndNothingIsRun() throws IOException {
        environment.put("WALRELAY_JAVA", JDK.resolve("bin/java").toString());
        tool("mvn", "echo '[ERROR] cannot find symbol'; exit 1");
        Programs.Result failed = launch("--version");
        assertEquals(1, failed.status(), failed::output);
        assertTrue(failed.output().contains("[ERROR] cannot find symbol\n"), failed::output);
        assertTrue(
                failed.output().endsWith("walrelay: the build failed: mvn package -DskipTests -Plauncher in %s\n".formatted(checkout())), failed::output);
    }

    @Test
    void anOlderJavaIsRefusedByNameAndPassedOverWhereItIsOnlyFound() throws IOException {
        bringWhatIsBuilt();
        Path old = javaOf("21.0.9");
        environment.put("WALRELAY_JAVA", old.toString());
        Programs.Result refused = launch("--version");
        assertEquals(1, refused.status(), refused::output);
        assertEquals("walrelay: WALRELAY_JAVA=%s is not the java of a JDK 25 or newer\n".formatted(old), refused.output());

        environment.put("WALRELAY_JAVA", directory.resolve("nowhere/bin/java").toString());
        assertEquals(1, launch("--version").status());

        environment.remove("WALRELAY_JAVA");
        environment.put("JAVA_HOME", old.resolve("../..").normalize().toString());
        environment.put("PATH", JDK.resolve("bin") + ":" + System.getenv("PATH"));
        assertTrue(launch("--version").orFail().startsWith("walrelay 0.1.0"));
    }

    /** What PostgreSQL takes for the end of WAL must not come from a JVM that is not there, or does not start. */
    @Test
    void restoreTellsAbsentFromNotRun() throws IOException {
        environment.put("WALRELAY_JAVA", JDK.resolve("bin/java").toString());
        String[] restore = {"restore", "000000010000000000000001", "x", "--relay", "http://127.0.0.1:1", "--retries", "0"};
        Programs.Result unbuilt = launch(restore);
        assertEquals(126, unbuilt.status(), unbuilt::output);
        assertTrue(unbuilt.output().startsWith("walrelay: is not built yet; this builds it: "), unbuilt::output);

        bringWhatIsBuilt();
        setAge(checkout().resolve(SOURCE), Duration.ofHours(-1));
        Programs.Result away = launch(restore);
        assertEquals(126, away.status(), away::output);
        assertTrue(away.output().startsWith("walrelay restore: could not look for 000000010000000000000001: "), away::output);
        restore[1] = "nonsense";
        assertEquals(126, launch(restore).status());

        try (FakeRelay relay = FakeRelay.serving(directory)) {
            restore[1] = "000000010000000000000001";
            restore[4] = relay.url();
            assertEquals(1, launch(restore).status(), "absent");
            environment.put("WALRELAY_JAVA_OPTS", "-XX:NoSuchOption");
            assertEquals(126, launch(restore).status(), "no JVM");
            environment.put("WALRELAY_JAVA", "nowhere");
            assertEquals(126, launch(restore).status(), "no Java");
            assertEquals(1, launch("restore", "00000001.history", "pg_wal/RECOVERYHISTORY", "--relay", relay.url()).status(), "a server that is being promoted goes on");
            assertEquals(126, launch("restore", "00000002.history", "pg_wal/RECOVERYHISTORY", "--relay", relay.url()).status(), "it needs that");
            assertEquals(1, launch("push", "x", restore[1], "--relay", relay.url()).status(), "PostgreSQL repeats it");
        }
    }

    /** With the libraries that the launcher gives a rewind, and no more, and also when a log is asked for. */
    @ParameterizedTest
    @ValueSource(strings = {"", "json"})
    void aRewindHasItsLibraries(String format) {
        Path jar = REPOSITORY.resolve(JAR);
        if (!format.isEmpty()) {
            environment.put("WALRELAY_LOG_FORMAT", format);
        }
        Programs.Result played = run(List.of(
                JDK.resolve("bin/java").toString(), "-cp", "%s:%s/*".formatted(jar, jar.resolveSibling("lib/base")), "io.walrelay.proxy.cli.Main", RewindRehearsal.NAME));
        String output = played.orFail();
        assertTrue(output.contains("\"outcome\":\"planned\"") && output.contains("\"outcome\":\"rewound\"") && output.contains("a log line"), output);
        assertFalse(output.contains("could not rehearse"), output);
    }

    /** As PostgreSQL's user runs what root has installed: a JVM that can't write an archive of classes beside the jar must not end with that. */
    @Test
    void whoCanNotWriteWhereItIsInstalledIsToldWhatCameOfIt() throws IOException {
        bringWhatIsBuilt();
        environment.put("WALRELAY_JAVA", JDK.resolve("bin/java").toString());
        Path target = checkout().resolve(JAR).resolveSibling("");
        Files.delete(links.removeLast());
        for (String part : new String[] {"lib/base", "lib/server"}) {
            Files.createDirectories(target.resolve(part));
            try (Stream<Path> libraries = Files.list(REPOSITORY.resolve(JAR).resolveSibling(part))) {
                for (Path library : libraries.toList()) {
                    Files.copy(library, target.resolve(part).resolve(library.getFileName()));
                }
            }
        }
        Path served = Files.createDirectory(directory.resolve("served"));
        String segment = "000000010000000000000001";
        Files.write(served.resolve(segment), new byte[1 << 20]);
        Path data = Files.createDirectory(directory.resolve("data"));
        setRights("rwxrwxrwx", directory, data);
        setRights("r-xr-xr-x", target);
        try (FakeRelay relay = FakeRelay.serving(served)) {
            Path restored = data.resolve(segment);
            Programs.Result found = launchAsNobody("restore", segment, restored.toString(), "--relay", relay.url());
            assertEquals("", found.orFail());
            assertEquals(1 << 20, Files.size(restored));
            assertEquals(1, launchAsNobody("restore", "000000010000000000000002", "x", "--relay", relay.url()).status(), "absent");
            assertEquals("", launchAsNobody("push", restored.toString(), segment, "--relay", relay.url()).orFail());
            assertEquals("walrelay 0.1.0\n", launchAsNobody("--version").orFail());
        } finally {
            setRights("rwxr-xr-x", target);
        }
    }

    private static void setRights(String rights, Path... directories) throws IOException {
        for (Path each : directories) {
            Files.setPosixFilePermissions(each, PosixFilePermissions.fromString(rights));
        }
    }

    /** Whom permissions hold for; root is nobody for that. */
    private Programs.Result launchAsNobody(String... arguments) throws IOException {
        if (!Files.getOwner(directory).getName().equals("root")) {
            return launch(arguments);
        }
        tool("as-nobody", "exec setpriv --reuid=65534 --regid=65534 --clear-groups '%s' \"$@\"".formatted(checkout().resolve("walrelay")));
        return launch(tools().resolve("as-nobody"), arguments);
    }

    @Test
    void runsTheRelaysCommandLine() throws IOException {
        bringWhatIsBuilt();
        environment.put("WALRELAY_JAVA", JDK.resolve("bin/java").toString());
        assertEquals("walrelay 0.1.0\n", launch("--version").orFail());
        String help = launch("--help").orFail();
        for (String command : new String[] {"serve", "check", "setup-sql", "status", "follow", "restore", "push", "demo"}) {
            assertTrue(help.lines().anyMatch(line -> line.strip().startsWith(command + " ")), help);
        }
        Programs.Result mistake = launch("sevre");
        assertEquals(2, mistake.status(), mistake::output);
        environment.put("WALRELAY_JAVA_OPTS", "-Xmx64m -XX:+PrintCommandLineFlags");
        assertTrue(launch("--version").orFail().contains("-XX:MaxHeapSize=%d ".formatted(64 << 20)));
    }
}
