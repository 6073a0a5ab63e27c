package io.walrelay.proxy.cli;

import static io.walrelay.proxy.testkit.FakeRelay.absent;
import static io.walrelay.proxy.testkit.FakeRelay.body;
import static io.walrelay.proxy.testkit.FakeRelay.dropped;
import static io.walrelay.proxy.testkit.FakeRelay.hanging;
import static io.walrelay.proxy.testkit.FakeRelay.noise;
import static io.walrelay.proxy.testkit.FakeRelay.refusal;
import static io.walrelay.proxy.testkit.FakeRelay.status;
import static io.walrelay.proxy.testkit.FakeRelay.trickling;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.FakeRelay;
import io.walrelay.proxy.testkit.FakeRelay.Answer;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.WalClient;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What restore_command's clients promise, the same of each: exit status, the file whole or untouched, nothing left beside it. */
@Timeout(180)
@ParameterizedClass
@EnumSource
final class RestoreIT {

    private static final String SEGMENT = "00000001000000000000000A";
    private static final String HISTORY = "00000002.history";
    private static final int MB = 1 << 20;
    private static final byte[] WAL = wal();

    private static final Answer ABSENT = absent(SEGMENT);
    private static final Answer AWAY = refusal(503, "the archive is away", "retry-after: 1");

    private final WalClient client;

    @TempDir
    private Path directory;

    private final List<FakeRelay> relays = new ArrayList<>();

    RestoreIT(WalClient client) {
        this.client = client;
    }

    private static byte[] wal() {
        byte[] bytes = new byte[MB];
        new Random(7).nextBytes(bytes);
        return bytes;
    }

    @BeforeEach
    void fill() throws IOException {
        Files.createDirectory(held());
        Files.createDirectory(data());
        Files.write(held().resolve(SEGMENT), WAL);
        Files.writeString(held().resolve(HISTORY), "1\t0/A000028\tno recovery target specified\n");
    }

    @AfterEach
    void closeRelays() {
        relays.forEach(FakeRelay::close);
    }

    private Path held() {
        return directory.resolve("held");
    }

    private Path data() {
        return directory.resolve("data directory");
    }

    private Path target() {
        return data().resolve("RECOVERYXLOG");
    }

    private FakeRelay relay(Answer... answers) {
        FakeRelay relay = FakeRelay.serving(held()).next(answers);
        relays.add(relay);
        return relay;
    }

    /**
     * How relays behave towards one request each.
     *
     * @param relays  each one's answer; one that has none gives the file
     * @param pitr    the exit status in mode pitr
     * @param standby in mode standby
     * @param said    what the user reads of it
     */
    record Case(String title, List<List<Answer>> relays, int pitr, int standby, String said) {
        @Override
        public String toString() {
            return title;
        }
    }

    private static Case found(String title, List<List<Answer>> relays) {
        return new Case(title, relays, 0, 0, "");
    }

    /** Twice, since Java repeats a request that got no answer at all. */
    private static Case unknown(String title, Answer answer, String said) {
        return new Case(title, List.of(List.of(answer, answer)), 126, 1, said);
    }

    private static Stream<Case> cases() {
        byte[] odd = Arrays.copyOf(WAL, MB - 8_192);
        return Stream.of(
                found("the file", List.of(List.of())),
                found("absent, then the file", List.of(List.of(ABSENT), List.of())),
                found("could not look, then the file", List.of(List.of(AWAY), List.of())),
                found("not of the lineage, then the file", List.of(List.of(refusal(409, "orphan")), List.of())),
                found("broken off, then the file", List.of(List.of(dropped(300_000, MB)), List.of())),
                found("nonsense, then the file", List.of(List.of(noise()), List.of())),
                new Case("absent", List.of(List.of(ABSENT)), 1, 1, ""),
                new Case("absent everywhere", List.of(List.of(ABSENT), List.of(ABSENT)), 1, 1, ""),
                new Case("absent, and could not look", List.of(List.of(ABSENT), List.of(AWAY)), 126, 1, "the archive is away"),
                new Case("could not look, and absent", List.of(List.of(AWAY), List.of(ABSENT)), 126, 1, "the archive is away"),
                new Case("broken off, and absent", List.of(List.of(dropped(300_000, MB)), List.of(ABSENT)), 126, 1, "could not look"),
                new Case("absent, and not of the lineage", List.of(List.of(ABSENT), List.of(refusal(409, "orphan"))), 126, 1, "orphan"),
                unknown("could not look", AWAY, "HTTP 503: {\"error\":\"the archive is away\"}"),
                unknown("not of the lineage", refusal(409, "forked at 0/A000028"), SEGMENT + " is not of the lineage: "),
                unknown("not admitted", refusal(401, "no token"), "HTTP 401"),
                unknown("forbidden", refusal(403, "not from there"), "HTTP 403"),
                unknown("broken", refusal(500, "oops"), "HTTP 500"),
                unknown("elsewhere", status(302, "text/plain", "", "location: /wal"), "HTTP 302"),
                unknown("absent, says another server", status(404, "text/html", "<html>Not Found</html>"), "this is no answer of a relay"),
                unknown("absent, says another server in JSON", refusal(404, "no route matches"), "this is no answer of a relay"),
                unknown("another file is absent", absent(SEGMENT + ".partial"), "this is no answer of a relay"),
                unknown("broken off at the start", dropped(0, MB), "could not look"),
                unknown("broken off in the middle", dropped(300_000, MB), "could not look"),
                unknown("broken off before the last byte", dropped(MB - 1, MB), "could not look"),
                unknown("no length", body(WAL), "it does not say the length"),
                unknown("a length that no segment has", body(odd, "content-length: " + odd.length), "" + odd.length),
                unknown("half a segment", body(Arrays.copyOf(WAL, MB / 2), "content-length: " + MB / 2), "" + MB / 2),
                unknown("another page", status(200, "text/html", "<html>Welcome</html>"), "20"),
                unknown("an empty body", body(new byte[0], "content-length: 0"), "0 bytes"),
                unknown("a length beyond all", dropped(10, 1L << 40), "could not look"),
                unknown("no HTTP", noise(), "could not look"),
                unknown("an end without an answer", (_, _) -> {}, "could not look"),
                unknown("silence", hanging(), "could not look"),
                unknown("a trickle", trickling(), "could not look"),
                unknown("many bytes before the end of the header", (out, _) -> out.write(new byte[1 << 20]), "could not look"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void endsAsPostgresqlHasToUnderstandIt(Case wanted) throws IOException {
        for (String mode : List.of("pitr", "standby")) {
            String urls = String.join(",", wanted.relays().stream().map(answers -> relay(answers.toArray(Answer[]::new)).url()).toList());
            int status = mode.equals("pitr") ? wanted.pitr() : wanted.standby();
            Programs.Result run = restoreHere("--relay", urls, "--mode", mode, "--retries", "0", "--timeout", "1s", "--wait", "0s");
            assertEquals(status, run.status(), mode + run);
            assertTrue(run.output().contains(wanted.said()), mode + run);
            assertEquals(wanted.said().isEmpty() ? 0 : 1, run.output().lines().count(), mode + run);
            if (status == 0) {
                assertArrayEquals(WAL, Files.readAllBytes(target()));
                Files.delete(target());
            }
            assertNothingIn(data());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"pitr", "rewind", "standby"})
    void asksAgainWhenRecoveryWouldEndButLeavesThatToAStandby(String mode) {
        FakeRelay relay = relay(AWAY, AWAY);
        Programs.Result run = restore(SEGMENT, "--relay", relay.url(), "--mode", mode);
        assertEquals(mode.equals("standby") ? 1 : 0, run.status(), run::toString);
        assertEquals(mode.equals("standby") ? 1 : 3, relay.requests().size());

        FakeRelay away = relay(AWAY, AWAY, AWAY);
        assertEquals(mode.equals("standby") ? 1 : 126, restore(SEGMENT, "--relay", away.url(), "--mode", mode, "--retries", "1").status());
        assertEquals(2, away.requests().size());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void knowsAStandbyByItsSignalFile(boolean standby) throws IOException {
        if (standby) {
            Files.createFile(data().resolve("standby.signal"));
        }
        FakeRelay relay = relay(ABSENT, AWAY);
        String[] told = {"--relay=" + relay.url(), "--retries=0", "--timeline=2@0/3002830", "--standby", "re ports", "--wait", "1500ms"};
        assertEquals(1, restore(SEGMENT, told).status());
        assertEquals(standby ? 1 : 126, restore(SEGMENT, told).status());
        assertEquals(
                "/wal/%s?mode=%s&wait=1500ms&timeline=2@0/3002830&standby=re ports".formatted(SEGMENT, standby ? "standby" : "pitr"),
                URLDecoder.decode(relay.requests().getLast().target(), StandardCharsets.UTF_8));

        // A mistake in restore_command must not look like the end of WAL.
        String url = "--relay=" + relay.url();
        for (String[] mistake : new String[][] {
            {SEGMENT, "x", url, "--mod", "pitr"}, {SEGMENT, "x", url, "--mode", "nonsense"}, {SEGMENT, url}, {SEGMENT, "x"}, {SEGMENT, "x", "y", url},
            {"../" + SEGMENT, "x", url}, {SEGMENT.toLowerCase(Locale.ROOT), "x", url}, {SEGMENT, "x", url, "--wait", "soon"},
            {SEGMENT, "x", url, "--retries", "-1"}, {SEGMENT, "x", "--relay", "relay:8433"}, {SEGMENT, "x", url, "--token-file", "none"},
            {SEGMENT, "x", "--relay", "https://127.0.0.1:" + url.replaceFirst(".*:", ""), "--ca-file", "none", "--retries", "0"}
        }) {
            Programs.Result run = client.run(data(), Map.of(), mistake);
            assertEquals(standby ? 1 : 126, run.status(), run::toString);
            assertFalse(run.output().isEmpty(), run::toString);
        }
    }

    /** It has no signal file any more, asks for the history that it has, and must not be ended: it would come up again without a timeline of its own. */
    @Test
    void aServerThatLeavesItsTimelineIsNotEnded() throws IOException {
        Path signal = data().resolve("recovery.signal");
        Files.createDirectory(data().resolve("pg_wal"));
        FakeRelay relay = relay(AWAY, AWAY, AWAY, AWAY, AWAY);
        String url = "--relay=" + relay.url();
        assertEquals(1, client.run(data(), Map.of(), "00000001.history", "pg_wal/RECOVERYHISTORY", url).status());
        assertTrue(relay.requests().getLast().target().contains("mode=standby"));
        assertEquals(126, client.run(data(), Map.of(), HISTORY, "pg_wal/RECOVERYHISTORY", url, "--retries=0").status(), "pg_wal has it not");
        Files.createFile(data().resolve("pg_wal").resolve(HISTORY));
        assertEquals(1, client.run(data(), Map.of(), HISTORY, "pg_wal/RECOVERYHISTORY", url, "--retries=0").status());
        Files.createFile(signal);
        assertEquals(126, client.run(data(), Map.of(), HISTORY, "pg_wal/RECOVERYHISTORY", url, "--retries=0").status(), "it recovers still");
        Files.delete(signal);
        assertEquals(126, client.run(data(), Map.of(), SEGMENT, "pg_wal/RECOVERYXLOG", url, "--retries=0").status(), "no history");
    }

    /** What POSIX shells have no means to. */
    @Test
    void javaComparesTheChecksum() throws IOException {
        byte[] flipped = WAL.clone();
        flipped[500_000] ^= 1;
        Files.write(held().resolve(SEGMENT), flipped);
        CRC32C sum = new CRC32C();
        sum.update(WAL);
        FakeRelay relay = relay(body(flipped, "content-length: " + MB, "etag: \"%08x\"".formatted((int) sum.getValue())));
        Programs.Result run = restore(SEGMENT, "--relay", relay.url(), "--retries", "0");
        assertEquals(client == WalClient.JAVA ? 126 : 0, run.status(), run::toString);
        assertEquals(client == WalClient.JAVA, run.output().contains("what came has CRC32C "), run::toString);
    }

    @Test
    void speaksTlsToWhomItTrustsAndShowsItsCertificate() throws Exception {
        Certificates certificates = Certificates.in(Files.createDirectory(directory.resolve("certificates")));
        Certificates.Pair own = certificates.issue("relay");
        Certificates.Pair its = certificates.issue("standby");
        SslContext tls = SslContextBuilder.forServer(own.certificate().toFile(), own.key().toFile())
                .trustManager(certificates.authority().toFile())
                .sslProvider(SslProvider.JDK)
                .build();
        FakeRelay relay = FakeRelay.serving(held(), ((JdkSslContext) tls).context());
        relays.add(relay);
        String[] identity = {"--cert=" + its.certificate(), "--key=" + its.key()};
        String authority = "--ca-file=" + certificates.authority();
        String[] once = {"--relay=" + relay.url(), "--retries=0"};
        assertEquals(126, restore(SEGMENT, once[0], once[1], identity[0], identity[1]).status(), "an authority that nobody knows");
        assertEquals(126, restore(SEGMENT, once[0], once[1], authority).status(), "no certificate");
        assertNothingIn(data());
        Programs.Result run = restore(SEGMENT, once[0], once[1], authority, identity[0], identity[1]);
        assertEquals(0, run.status(), run::toString);
        assertArrayEquals(WAL, Files.readAllBytes(target()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"file", "variable", "none"})
    void bringsTheTokenWhereNobodyElseSeesIt(String where) throws IOException {
        Path file = Files.writeString(directory.resolve("token"), "s3cret/+=\nnot this\n");
        FakeRelay relay = relay(hanging());
        List<String> arguments = new ArrayList<>(List.of(SEGMENT, target().toString(), "--relay", relay.url()));
        if (where.equals("file")) {
            arguments.addAll(List.of("--token-file", file.toString()));
        }
        Map<String, String> environment = where.equals("variable") ? Map.of("WALRELAY_TOKEN", "s3cret/+=") : Map.of();
        try (ExternalProcess process = client.start(data(), environment, arguments.toArray(String[]::new))) {
            Await.until("the request", Duration.ofSeconds(30), relay::requests, requests -> !requests.isEmpty());
            ProcessHandle started = ProcessHandle.of(process.pid()).orElseThrow();
            List<String> lines = Stream.concat(Stream.of(started), started.descendants()).map(RestoreIT::commandLine).toList();
            assertTrue(lines.getFirst().contains(SEGMENT), lines.toString());
            assertFalse(lines.stream().anyMatch(line -> line.contains("s3cret")), lines.toString());
        }
        assertEquals(where.equals("none") ? null : "Bearer s3cret/+=", relay.requests().getFirst().headers().get("authorization"));
    }

    private static String commandLine(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"));
        } catch (IOException e) {
            return "gone";
        }
    }

    @Test
    void leavesNothingWhenItIsToldToEnd() throws IOException {
        // As much as makes the file appear.
        FakeRelay relay = relay((out, server) -> {
            body(Arrays.copyOf(WAL, MB / 2), "content-length: " + MB).write(out, server);
            out.flush();
            hanging().write(out, server);
        });
        try (ExternalProcess process = client.start(data(), Map.of(), SEGMENT, target().toString(), "--relay", relay.url())) {
            Await.until("the temporary file", Duration.ofSeconds(30), () -> names(data()), names -> !names.isEmpty());
            // PostgreSQL tells the whole group (postmaster.c, signal_child).
            try (ExternalProcess kill = ExternalProcess.start(List.of("kill", "-TERM", "--", "-" + process.pid()))) {
                assertEquals(0, kill.awaitExit(Duration.ofSeconds(10)), kill::output);
            }
            assertEquals(143, process.awaitExit(Duration.ofSeconds(30)), process::output);
        }
        assertNothingIn(data());
    }

    @ParameterizedTest
    @ValueSource(strings = {HISTORY, SEGMENT + ".partial", SEGMENT + ".00000028.backup"})
    void fetchesWhatIsNoSegment(String name) throws IOException {
        Files.writeString(held().resolve(name), "a line\n");
        FakeRelay relay = relay();
        assertEquals(0, restore(name, "--relay", "http://127.0.0.1:%d/,%s/".formatted(FreePort.next(), relay.url())).status());
        assertEquals("a line\n", Files.readString(target()));
        assertEquals(List.of("RECOVERYXLOG"), names(data()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"pitr", "standby"})
    void aFileThatCanNotBeWrittenIsNotAbsent(String mode) {
        Programs.Result run = client.run(data(), Map.of(), SEGMENT, "nowhere/RECOVERYXLOG", "--mode", mode, "--retries", "0", "--relay", relay().url());
        assertEquals(mode.equals("standby") ? 1 : 126, run.status(), run::toString);
        assertTrue(run.output().contains("nowhere/RECOVERYXLOG"), run::toString);
    }

    private Programs.Result restore(String name, String... options) {
        List<String> arguments = new ArrayList<>(List.of(name, "RECOVERYXLOG"));
        arguments.addAll(Arrays.asList(options));
        return client.run(data(), Map.of(), arguments.toArray(String[]::new));
    }

    /** In this process where that is possible: a JVM for each of many cases takes long to start. */
    private Programs.Result restoreHere(String... options) {
        if (client != WalClient.JAVA) {
            return restore(SEGMENT, options);
        }
        List<String> arguments = new ArrayList<>(List.of("restore", SEGMENT, target().toString()));
        arguments.addAll(Arrays.asList(options));
        CommandRun run = CommandRun.of(arguments.toArray(String[]::new));
        return new Programs.Result(arguments, run.status(), run.out() + run.err());
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.toFile().getName()).sorted().toList();
        }
    }

    private static void assertNothingIn(Path directory) throws IOException {
        assertEquals(List.of(), names(directory));
    }
}
