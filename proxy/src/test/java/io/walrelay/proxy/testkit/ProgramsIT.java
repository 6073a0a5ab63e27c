package io.walrelay.proxy.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** PostgreSQL's installed programs run against a server of ours, to their end or until they are killed. */
@Timeout(60)
class ProgramsIT {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void psqlAnswersAndPgReceivewalStreamsUntilItIsKilled(int version, @TempDir Path directory) {
        Programs programs = Programs.version(version);
        try (LocalPostgres server = LocalPostgres.of(programs.server()).start()) {
            assertEquals(Integer.toString(version), programs.run(LIMIT, "psql", "-XAtc", "SELECT current_setting('server_version_num')::int / 10000", server.conninfo())
                    .orFail()
                    .strip());
            Programs.Result refused = programs.run(LIMIT, "psql", "-XAtc", "SELECT nothing", server.conninfo());
            assertEquals(1, refused.status());
            assertTrue(refused.output().contains("column \"nothing\" does not exist"), refused::output);

            try (ExternalProcess receiver =
                    programs.start("pg_receivewal", "--verbose", "-D", directory.toString(), "-d", server.conninfo())) {
                receiver.awaitOutput("starting log streaming", LIMIT);
                server.execute("SELECT pg_switch_wal()");
                Path first = directory.resolve("000000010000000000000001");
                Await.until("pg_receivewal to finish " + first, LIMIT, () -> Files.exists(first));
                receiver.kill();
                assertFalse(receiver.isRunning());
                assertEquals(137, receiver.awaitExit(LIMIT));
            }
        }
    }
}
