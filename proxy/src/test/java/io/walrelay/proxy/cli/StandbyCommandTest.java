package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.testkit.FakeRelay;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class StandbyCommandTest {

    @TempDir
    private Path directory;

    /** What is seen to be wrong before any relay is asked. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "standby | expected pause, resume or release",
        "standby pause | Missing required parameter: 'NAME'",
        "standby pause a 0/1 | Unmatched argument",
        "standby release a here | here",
    })
    void saysWhatWasExpected(String line, String part) {
        CommandRun run = CommandRun.of(line.split(" ", -1));
        assertEquals(Main.USAGE, run.status(), run::err);
        assertTrue(run.err().contains(part), run::err);
    }

    @Test
    void tellsTheRelay() {
        try (FakeRelay relay = FakeRelay.serving(directory)) {
            relay.next(shape("null", true, "null"), shape("3600.0", false, "null"), shape("null", false, "\"0/3000028\""), shape("null", true, "\"0/3000028\""));
            assertEquals("standby \"my reports\" is paused", run(relay, "pause", "my reports"));
            assertEquals("standby \"my reports\" goes on, 1h 0min behind", run(relay, "resume", "my reports"));
            assertEquals("standby \"my reports\" may have WAL up to 0/3000028", run(relay, "release", "my reports", "0/3000030"));
            assertEquals("standby \"my reports\" may have WAL up to 0/3000028; it is still paused past that", run(relay, "release", "my reports"));
            assertEquals(
                    List.of("pause", "resume", "release", "release").stream().map("POST /api/v1/standbys/my%20reports/"::concat).toList(),
                    relay.requests().stream().map(request -> request.method() + " " + request.target()).toList());
            assertEquals(List.of("{}", "{}", "{\"lsn\":\"0/3000030\"}", "{}"), relay.orders());
        }
    }

    private static FakeRelay.Answer shape(String delay, boolean paused, String released) {
        return FakeRelay.status(
                200,
                "application/json",
                "{\"name\":\"my reports\",\"delay_seconds\":%s,\"rate_bytes\":null,\"paused\":%s,\"released\":%s}".formatted(delay, paused, released));
    }

    private static String run(FakeRelay relay, String... arguments) {
        List<String> line = new ArrayList<>(List.of("standby"));
        line.addAll(Arrays.asList(arguments));
        line.addAll(List.of("--url", relay.url()));
        CommandRun run = CommandRun.of(line.toArray(String[]::new));
        assertEquals(Main.OK, run.status(), run::err);
        return run.out().strip();
    }
}
