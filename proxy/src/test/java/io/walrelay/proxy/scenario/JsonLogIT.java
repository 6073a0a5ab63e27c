package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code WALRELAY_LOG_FORMAT=json}: what a log collector reads, from the first line to the last. */
@Timeout(90)
final class JsonLogIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    @Test
    void everyLineIsAnObjectAndAWarningSaysWhatItSaysElsewhere() throws Exception {
        // A name that JSON has to escape, and that SLF4J would take for a place to fill in.
        String role = "no \"body\"\\ {} here";
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                RelayProcess relay = RelayProcess.of(
                                primary.conninfo().replace("user=postgres", "user='%s'".formatted(role.replace("\\", "\\\\"))), "relay", directory.resolve("data"))
                        .with("WALRELAY_LOG_FORMAT", "json")
                        .start()) {
            StatusReport refused = RelayStatus.await(
                    "the refusal to be an event", relay, LIMIT, s -> s.events().stream().anyMatch(event -> event.text().contains(role)));
            StatusReport.RecentEvent warning =
                    refused.events().stream().filter(event -> event.text().contains(role)).findFirst().orElseThrow();
            assertEquals("warning", warning.severity());

            primary.execute("CREATE ROLE \"%s\" LOGIN REPLICATION".formatted(role.replace("\"", "\"\"")));
            relay.awaitReady(LIMIT);
            receiveSome(primary, relay);
            assertEquals(143, relay.terminate(LIMIT));

            List<JsonNode> lines = relay.log().lines().map(line -> parsed(line, relay)).toList();
            assertTrue(lines.size() >= 3, relay::log);
            assertTrue(
                    lines.stream().anyMatch(line -> line.path("message").asString("").equals(warning.text())
                            && line.path("level").asString("").equals("WARN")
                            && line.path("event").asString("").equals(warning.kind())
                            && line.path("logger_name").asString("").startsWith("io.walrelay.")),
                    () -> "no warning says \"%s\":%n%s".formatted(warning.text(), relay.log()));
            JsonNode streams = ofReceiver("standby streams", lines, relay);
            JsonNode ended = ofReceiver("standby's stream ended", lines, relay);
            Lsn start = Lsn.parse(streams.path("start").asString(""));
            assertEquals(streams.path("timeline"), ended.path("timeline"));
            assertTrue(Lsn.parse(ended.path("sent").asString("")).isAfter(start), ended::toString);
            assertTrue(Lsn.parse(ended.path("flushed").asString("")).isAtLeast(start), ended::toString);
            assertTrue(ofReceiver("disconnection", lines, relay).path("reason").isString());
        }
    }

    private void receiveSome(LocalPostgres primary, RelayProcess relay) throws IOException {
        Path into = Files.createDirectory(directory.resolve("received"));
        Programs programs = Programs.version(15);
        programs.run(LIMIT, "pg_receivewal", "-D", into.toString(), "-d", relay.conninfo("receiver"), "--create-slot", "-S", "received").orFail();
        String end = primary.query("SELECT pg_current_wal_lsn()");
        programs.run(LIMIT, "pg_receivewal", "-D", into.toString(), "-d", relay.conninfo("receiver"), "-S", "received", "--no-loop", "-E", end).orFail();
    }

    private static JsonNode ofReceiver(String message, List<JsonNode> lines, RelayProcess relay) {
        return lines.stream()
                .filter(line -> line.path("message").asString("").equals(message) && line.path("standby").asString("").equals("receiver"))
                .filter(line -> message.equals("disconnection") || line.path("slot").asString("").equals("received"))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no \"%s\" of the receiver in:%n%s".formatted(message, relay.log())));
    }

    private static JsonNode parsed(String line, RelayProcess relay) {
        JsonNode node = JsonMapper.shared().readTree(line);
        assertTrue(node.isObject(), line);
        for (String field : List.of("@timestamp", "level", "logger_name", "message")) {
            assertTrue(node.path(field).isString(), () -> "no %s in %s; the log:%n%s".formatted(field, line, relay.log()));
        }
        OffsetDateTime.parse(node.path("@timestamp").asString());
        return node;
    }

    @ParameterizedTest
    @CsvSource({"WALRELAY_LOG_FORMAT, JSON, text or json", "WALRELAY_LOG_LEVEL, verbose, error or warn or info or debug or trace or off"})
    void aWordThatIsNotKnownIsNotTakenForSilence(String variable, String value, String expected) {
        Path data = directory.resolve("data");
        Programs.Result serve = WalrelayCommand.run(
                LIMIT, Map.of(variable, value), "serve", "--upstream", "host=127.0.0.1 port=1 user=u", "--data", data.toString(), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0");
        assertEquals(2, serve.status(), serve::output);
        assertEquals("walrelay: %1$s = \"%2$s\" (%1$s): expected %3$s%n".formatted(variable, value, expected), serve.output());
        assertFalse(Files.exists(data), "the data directory");
    }
}
