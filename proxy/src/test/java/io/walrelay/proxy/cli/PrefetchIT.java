package io.walrelay.proxy.cli;

import static io.walrelay.proxy.testkit.FakeRelay.absent;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.FakeRelay;
import io.walrelay.proxy.testkit.FakeRelay.Answer;
import io.walrelay.proxy.testkit.WalClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What restore.sh fetches while a server replays: the next segments, used once, soon, and only for what they were fetched for. */
@Timeout(120)
@ParameterizedClass
@EnumSource(names = {"DASH", "BASH"})
final class PrefetchIT {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int MB = 1 << 20;
    /** The last of an id at this size, and those that follow it. */
    private static final List<String> SEGMENTS =
            List.of("000000030000000100000FFF", "000000030000000200000000", "000000030000000200000001", "000000030000000200000002");

    private final WalClient shell;

    @TempDir
    private Path directory;

    private final List<FakeRelay> relays = new ArrayList<>();

    PrefetchIT(WalClient shell) {
        this.shell = shell;
    }

    @BeforeEach
    void fill() throws IOException {
        Files.createDirectories(target().getParent());
        Files.createDirectory(held());
        for (String segment : SEGMENTS) {
            Files.write(held().resolve(segment), wal(segment));
        }
    }

    @AfterEach
    void closeRelays() {
        relays.forEach(FakeRelay::close);
        Await.until("what fetches to end", LIMIT, () -> !isFetching());
    }

    /** The processes that fetch: what a run's file says is empty when its process has ended. */
    private List<ProcessHandle> fetchers() throws IOException {
        List<ProcessHandle> all = new ArrayList<>();
        for (Path run : runs()) {
            Path fetcher = run.resolve("fetcher");
            String said = Files.exists(fetcher) ? Files.readString(fetcher).strip() : "";
            if (!said.isEmpty()) {
                ProcessHandle.of(Long.parseLong(said.split(" ", -1)[0])).filter(ProcessHandle::isAlive).ifPresent(all::add);
            }
        }
        return all;
    }

    private boolean isFetching() throws IOException {
        return !fetchers().isEmpty();
    }

    private List<Path> runs() throws IOException {
        if (!Files.isDirectory(ahead())) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(ahead())) {
            return files.filter(Files::isDirectory).toList();
        }
    }

    private Path held() {
        return directory.resolve("held");
    }

    private Path data() {
        return directory.resolve("data");
    }

    private Path target() {
        return data().resolve("pg_wal/RECOVERYXLOG");
    }

    private Path ahead() {
        return data().resolve("pg_wal/walrelay.prefetch");
    }

    private FakeRelay relay(Answer... answers) {
        FakeRelay relay = FakeRelay.serving(held()).next(answers);
        relays.add(relay);
        return relay;
    }

    private static byte[] wal(String segment) {
        byte[] bytes = new byte[MB];
        new Random(segment.hashCode()).nextBytes(bytes);
        return bytes;
    }

    private static Answer giving(String segment) {
        return FakeRelay.body(wal(segment), "content-length: " + MB);
    }

    private int restore(FakeRelay relay, String name, String... options) {
        List<String> arguments = new ArrayList<>(List.of("--relay", relay.url(), "--mode", "pitr", "--wait", "1s", "--retries", "0"));
        arguments.addAll(Arrays.asList(options));
        arguments.addAll(List.of(name, "pg_wal/RECOVERYXLOG"));
        return shell.run(data(), Map.of(), arguments.toArray(String[]::new)).status();
    }

    private void assertRestored(FakeRelay relay, String name, String... options) throws IOException {
        Files.deleteIfExists(target());
        assertEquals(0, restore(relay, name, options));
        assertArrayEquals(wal(name), Files.readAllBytes(target()), name);
    }

    private static List<String> asked(FakeRelay relay) {
        return relay.requests().stream().map(request -> request.target().replaceFirst("^/wal/([^?]*).*", "$1")).toList();
    }

    private List<Path> whole() {
        try (Stream<Path> files = Files.walk(ahead())) {
            return files.filter(file -> file.getFileName().toString().matches("[0-9A-F]{24}\\.[0-9]+-[0-9]+")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException("could not list " + ahead(), e);
        }
    }

    private void awaitFetched(int count) {
        Await.until(count + " segments to be fetched ahead", LIMIT, () -> Files.isDirectory(ahead()) && whole().size() == count);
        Await.until("what fetches to end", LIMIT, () -> !isFetching());
    }

    @Test
    void theNextSegmentsAreThereWhenTheyAreAskedFor() throws IOException {
        FakeRelay relay = relay();
        assertRestored(relay, SEGMENTS.get(0));
        awaitFetched(2);
        assertEquals(SEGMENTS.subList(0, 3), asked(relay));
        relay.close();
        assertRestored(relay, SEGMENTS.get(1));
        assertRestored(relay, SEGMENTS.get(2));
        assertEquals(126, restore(relay, SEGMENTS.get(3)));
        assertEquals(List.of(), whole());
    }

    @Test
    void goesOnAsFarAsThereIsWal() throws IOException {
        FakeRelay relay = relay();
        for (String segment : SEGMENTS) {
            assertRestored(relay, segment);
            Await.until("what fetches to end", LIMIT, () -> !isFetching());
        }
        assertEquals(1, restore(relay, "000000030000000200000003"));
        assertEquals(SEGMENTS, asked(relay).stream().filter(SEGMENTS::contains).sorted().toList());
    }

    @Test
    void whatIsOnItsWayIsWaitedFor() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        FakeRelay relay = relay(giving(SEGMENTS.get(0)), (out, relayItself) -> {
            asked.countDown();
            goOn.await();
            giving(SEGMENTS.get(1)).write(out, relayItself);
        });
        assertRestored(relay, SEGMENTS.get(0), "--prefetch", "1");
        asked.await();
        Files.delete(target());
        try (ExternalProcess second = shell.start(
                data(), Map.of(), "--relay", relay.url(), "--mode", "pitr", "--prefetch", "1", SEGMENTS.get(1), "pg_wal/RECOVERYXLOG")) {
            // It waits in steps of a process each.
            Await.until("it to wait", LIMIT, () -> ProcessHandle.of(second.pid()).orElseThrow().descendants().anyMatch(child -> child.info().command().orElse("").endsWith("sleep")));
            goOn.countDown();
            assertEquals(0, second.awaitExit(LIMIT), second::output);
        }
        assertArrayEquals(wal(SEGMENTS.get(1)), Files.readAllBytes(target()));
        assertEquals(1, asked(relay).stream().filter(SEGMENTS.get(1)::equals).count());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--timeline 2", "--standby other", "--mode standby", "--relay http://127.0.0.1:1"})
    void whatIsAskedForInAnotherWayIsFetchedAnew(String option) throws IOException {
        FakeRelay relay = relay();
        assertRestored(relay, SEGMENTS.get(0), "--prefetch", "1");
        awaitFetched(1);
        FakeRelay other = relay(absent(SEGMENTS.get(1)));
        String[] options = (option.contains("127.0.0.1:1") ? "--relay " + other.url() : option + " --relay " + other.url()).split(" ");
        assertEquals(1, restore(relay, SEGMENTS.get(1), options));
    }

    @Test
    void whatCameLongAgoOrBeforeTheMachineWasStartedIsFetchedAnew() throws IOException {
        FakeRelay relay = relay();
        assertRestored(relay, SEGMENTS.get(0), "--prefetch", "1");
        awaitFetched(1);
        Path old = whole().getFirst().resolveSibling("%s.%d-%d".formatted(SEGMENTS.get(1), Instant.now().getEpochSecond() - 61, MB));
        Files.move(whole().getFirst(), old);
        Files.write(old, new byte[MB]);
        assertRestored(relay, SEGMENTS.get(1), "--prefetch", "1");
        awaitFetched(1);
        assertFalse(Files.exists(old));
        Path purpose = ahead().resolve("for");
        Files.writeString(purpose, Files.readString(purpose).replaceFirst(" [^ ]+", " 0b5a4e1c-0000-4000-8000-000000000000"));
        Files.write(whole().getFirst(), new byte[MB]);
        assertRestored(relay, SEGMENTS.get(2), "--prefetch", "1");
    }

    /** Whoever asks for a history is at the begin or at the end of a recovery. */
    @Test
    void isRemovedWhenARecoveryEnds() throws IOException {
        FakeRelay relay = relay();
        assertRestored(relay, SEGMENTS.get(0));
        awaitFetched(2);
        assertEquals(1, restore(relay, "00000004.history"));
        assertFalse(Files.exists(ahead()));
    }

    @Test
    void othersThanARecoveringServerGetOneFileAndNothingElse() throws IOException {
        FakeRelay relay = relay();
        assertEquals(0, shell.run(data(), Map.of(), "--relay", relay.url(), SEGMENTS.get(0), SEGMENTS.get(0)).status());
        assertRestored(relay, SEGMENTS.get(0), "--mode", "rewind");
        assertRestored(relay, SEGMENTS.get(0), "--prefetch", "0");
        assertFalse(Files.exists(ahead()));
        assertEquals(List.of(SEGMENTS.get(0), SEGMENTS.get(0), SEGMENTS.get(0)), asked(relay));
    }

    /**
     * A server that is started again before the process of the one before it has ended, which no signal may have reached. What that one writes
     * is nobody's any more.
     */
    @Test
    void aProcessThatOutlivesItsServerIsInNobodysWay() throws Exception {
        CountDownLatch half = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Answer slow = (out, _) -> {
            out.write("HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n".formatted(MB).getBytes(StandardCharsets.US_ASCII));
            out.write(wal(SEGMENTS.get(1)), 0, MB / 2);
            out.flush();
            half.countDown();
            goOn.await();
            out.write(wal(SEGMENTS.get(1)), MB / 2, MB / 2);
        };
        FakeRelay first = relay(giving(SEGMENTS.get(0)), slow);
        assertRestored(first, SEGMENTS.get(0));
        half.await();
        List<ProcessHandle> outlived = fetchers();
        assertEquals(1, outlived.size());
        FakeRelay second = relay();
        String both = first.url() + "," + second.url();
        assertEquals(1, restore(second, "00000004.history"));
        first.refusing(_ -> true);
        assertRestored(second, SEGMENTS.get(0), "--relay", both);
        goOn.countDown();
        Await.until("what outlived its server to end", LIMIT, () -> !outlived.getFirst().isAlive());
        awaitFetched(2);
        assertRestored(second, SEGMENTS.get(1), "--relay", both);
        assertEquals(1, runs().size());
    }

    @Test
    void afterItWasKilledAnotherBegins() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        Answer never = (out, relay) -> {
            asked.countDown();
            FakeRelay.hanging().write(out, relay);
        };
        FakeRelay relay = relay(giving(SEGMENTS.get(0)), never);
        assertRestored(relay, SEGMENTS.get(0));
        asked.await();
        ProcessHandle killed = fetchers().getFirst();
        List<ProcessHandle> children = killed.descendants().toList();
        killed.destroyForcibly();
        children.forEach(ProcessHandle::destroyForcibly);
        assertRestored(relay, SEGMENTS.get(1));
        awaitFetched(2);
        assertRestored(relay, SEGMENTS.get(2));
    }

    /** As a fast shutdown does. PostgreSQL that is process 1 of a container would take any other status for a crash. */
    @Test
    void whenItIsToldToEndItHasNotFailed() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        Answer never = (out, relay) -> {
            asked.countDown();
            FakeRelay.hanging().write(out, relay);
        };
        FakeRelay relay = relay(giving(SEGMENTS.get(0)), never);
        String script = shell.script(directory, "restore").toString();
        Path status = directory.resolve("status");
        // Inherits what its descendants leave, as process 1 does: prctl(PR_SET_CHILD_SUBREAPER, 1).
        String init = """
                syscall(`uname -m` =~ /aarch64/ ? 167 : 157, 36, 1, 0, 0, 0) == 0 or die "prctl: $!";
                my $status = shift;
                system(@ARGV) == 0 or die "it failed: $?";
                wait;
                open(my $file, ">", $status) or die $!;
                print $file $?;
                """;
        try (ExternalProcess process = ExternalProcess.start(List.of(
                "env", "-C", data().toString(), "perl", "-e", init, status.toString(),
                script, "--relay", relay.url(), "--mode", "pitr", SEGMENTS.get(0), "pg_wal/RECOVERYXLOG"))) {
            asked.await();
            Await.until("the fetcher to be known", LIMIT, this::isFetching);
            ProcessHandle fetcher = fetchers().getFirst();
            assertEquals(fetcher.children().toList(), fetcher.descendants().toList(), "grandchildren are left to process 1");
            List<ProcessHandle> all = new ArrayList<>(fetcher.descendants().toList());
            all.add(fetcher);
            all.forEach(ProcessHandle::destroy);
            assertEquals(0, process.awaitExit(LIMIT), process::output);
        }
        assertEquals("0", Files.readString(status));
    }

    /** What a broken transfer leaves is never taken for a segment. */
    @Test
    void aBrokenTransferIsNotUsed() throws IOException {
        FakeRelay relay = relay(giving(SEGMENTS.get(0)), FakeRelay.dropped(300_000, MB));
        assertRestored(relay, SEGMENTS.get(0));
        Await.until("it to have been asked for", LIMIT, () -> asked(relay).size() == 2);
        assertRestored(relay, SEGMENTS.get(1));
    }
}
