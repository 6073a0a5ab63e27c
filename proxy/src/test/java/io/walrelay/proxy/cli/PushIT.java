package io.walrelay.proxy.cli;

import static io.walrelay.proxy.testkit.FakeRelay.hanging;
import static io.walrelay.proxy.testkit.FakeRelay.noise;
import static io.walrelay.proxy.testkit.FakeRelay.refusal;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.FakeRelay;
import io.walrelay.proxy.testkit.FakeRelay.Answer;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.WalClient;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code walrelay push}: a file is archived when a relay has said so, and not before. */
@Timeout(180)
final class PushIT {

    private static final String SEGMENT = "00000001000000000000000A";
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    private Path file;
    private Path archive;

    @BeforeEach
    void fill() throws IOException {
        byte[] wal = new byte[1 << 20];
        new Random(7).nextBytes(wal);
        file = Files.write(directory.resolve(SEGMENT), wal);
        archive = Files.createDirectory(directory.resolve("archive"));
    }

    @Test
    void archivesOnceAndAgainButNothingElseUnderTheName() throws IOException {
        try (FakeRelay relay = FakeRelay.serving(archive)) {
            String away = "http://127.0.0.1:" + FreePort.next();
            for (int i = 0; i < 2; i++) {
                CommandRun run = CommandRun.of("push", file.toString(), SEGMENT, "--relay", away + "," + relay.url());
                assertEquals(0, run.status(), run::toString);
                assertEquals("", run.out() + run.err());
                assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(archive.resolve(SEGMENT)));
            }
            Path other = Files.write(directory.resolve("other"), new byte[1 << 20]);
            try (FakeRelay empty = FakeRelay.serving(directory)) {
                CommandRun conflict = CommandRun.of("push", other.toString(), SEGMENT, "--relay", relay.url() + "," + empty.url());
                assertRefused(conflict, SEGMENT + " CAN'T BE ARCHIVED");
                assertTrue(conflict.err().contains("other bytes are archived under this name"), conflict::err);
                assertEquals(0, empty.requests().size(), "another relay would hide it");
            }
            assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(archive.resolve(SEGMENT)));
        }
    }

    private static Stream<Arguments> troubles() {
        return Stream.of(
                Arguments.of(refusal(503, "the archive is away"), "the archive is away"),
                Arguments.of(refusal(401, "no token"), "HTTP 401"),
                Arguments.of(refusal(403, "the token is read-only"), "the token is read-only"),
                Arguments.of(refusal(404, "nothing at this path"), "HTTP 404"),
                Arguments.of(refusal(302, "elsewhere"), "HTTP 302"),
                Arguments.of(refusal(204, "odd"), "HTTP 204"),
                Arguments.of(noise(), "could not archive"),
                Arguments.of((Answer) (_, _) -> {}, "could not archive"),
                Arguments.of(hanging(), "could not archive"));
    }

    @ParameterizedTest
    @MethodSource("troubles")
    void takesTheNextRelayAndFailsWithoutOne(Answer trouble, String said) throws IOException {
        try (FakeRelay bad = FakeRelay.serving(directory).next(trouble, trouble, trouble);
                FakeRelay good = FakeRelay.serving(archive)) {
            CommandRun alone = CommandRun.of("push", file.toString(), SEGMENT, "--relay", bad.url(), "--timeout", "1s");
            assertRefused(alone, said);
            assertEquals(0, CommandRun.of("push", file.toString(), SEGMENT, "--relay", bad.url() + "," + good.url(), "--timeout", "1s").status());
            assertTrue(Files.exists(archive.resolve(SEGMENT)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 413, 422})
    void aFileThatNobodyTakesIsNotTriedElsewhere(int status) {
        try (FakeRelay bad = FakeRelay.serving(directory).next(refusal(status, "no WAL of this cluster"));
                FakeRelay other = FakeRelay.serving(archive)) {
            assertRefused(CommandRun.of("push", file.toString(), SEGMENT, "--relay", bad.url() + "," + other.url()), "CAN'T BE ARCHIVED");
            assertEquals(0, other.requests().size());
        }
    }

    @Test
    void refusesWhatIsNoFileOrNoName() {
        assertRefused(CommandRun.of("push", directory.resolve("none").toString(), SEGMENT, "--relay", "http://127.0.0.1:1"), "there is no file");
        assertRefused(CommandRun.of("push", file.toString(), "backup.tar", "--relay", "http://127.0.0.1:1"), "not a WAL file name");
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void archivesForPostgresql(int version) throws IOException {
        FakeRelay relay = FakeRelay.serving(archive).next((_, _) -> {}, refusal(503, "not yet"));
        String command = "%s %%p %%f --relay %s".formatted(WalClient.JAVA.script(directory, "push"), relay.url());
        try (relay;
                LocalPostgres primary = LocalPostgres.of(Programs.version(version).server())
                        .segmentSize(new SegmentSize(1 << 20))
                        .set("archive_mode", "on")
                        .set("archive_command", command)
                        .start()) {
            String segment = primary.query("SELECT pg_walfile_name(pg_switch_wal())");
            Await.until("the segment to be archived", LIMIT, () -> primary.query("SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"), segment::equals);
            assertArrayEquals(Files.readAllBytes(primary.dataDirectory().resolve("pg_wal").resolve(segment)), Files.readAllBytes(archive.resolve(segment)));
            assertTrue(primary.log().contains("walrelay push: could not archive " + segment), primary::log);
        }
    }

    private static void assertRefused(CommandRun run, String reason) {
        assertFalse(run.status() == 0 || run.status() > 125, run::toString);
        assertEquals("", run.out());
        assertTrue(run.err().startsWith("walrelay push: ") && run.err().contains(reason), run::err);
        assertEquals(1, run.err().lines().count(), run::err);
    }
}
