package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.WalrelayCommand;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code walrelay status} and {@code walrelay follow} beside a relay that runs, or does not. */
@Timeout(120)
final class ClientsIT {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    @Test
    void showTheRelayAndTurnItToAnotherHost() {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).name("primary").start();
                LocalPostgres next = LocalPostgres.standbyOf(primary, primary.conninfo()).name("next").start();
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(primary.port(), next.port()), "relay", directory.resolve("data"))
                        .startReady();
                LocalPostgres a = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start()) {
            a.awaitReplay(primary.flushedLsn(), LIMIT);
            CommandRun check = CommandRun.of("check", "--upstream", primary.conninfo(), "--data", relay.data().toString());
            String held = "WAL in %s: of the cluster with system identifier %s".formatted(relay.data(), primary.query("SELECT system_identifier FROM pg_control_system()"));
            assertTrue(check.out().lines().anyMatch(line -> line.matches("ok +" + Pattern.quote(held) + ".*")), check::out);

            // As the quick start of the README has it: by the address, and with no configuration.
            String http = "127.0.0.1:" + relay.httpPort();
            CommandRun text = CommandRun.of("status", "--http", http);
            assertEquals(0, text.status(), text::toString);
            assertEquals("", text.err());
            assertTrue(text.out().matches("(?s)walrelay \\S+  up \\S+.*  ready\n.*"), text::out);
            assertTrue(text.out().contains("upstream   127.0.0.1:%d  streaming for ".formatted(primary.port())), text::out);
            assertTrue(text.out().lines().anyMatch(line -> line.matches("a +streaming .*")), text::out);

            CommandRun json = CommandRun.of("status", "--url", relay.url() + "/", "--format", "json");
            assertEquals(0, json.status(), json::toString);
            assertTrue(json.out().endsWith("}\n"), json::out);
            JsonNode status = JsonMapper.shared().readTree(json.out());
            assertTrue(status.path("ready").asBoolean(), json::out);
            assertEquals("a", status.path("standbys").path(0).path("name").asString(), json::out);

            CommandRun follow = CommandRun.of("follow", "--http", http, "127.0.0.1:" + next.port());
            assertEquals(0, follow.status(), follow::toString);
            assertEquals("the relay goes over to 127.0.0.1:%d\n".formatted(next.port()), follow.out());
            awaitStatus(relay, "upstream   127.0.0.1:%d  streaming for ".formatted(next.port()), 0);
            primary.execute("CREATE TABLE seen (id int)");
            a.awaitReplay(primary.flushedLsn(), LIMIT);

            // Nobody is there, so the relay says whom it waits for, and goes back when it is told to.
            CommandRun nobody = CommandRun.of("follow", "--url", relay.url(), "127.0.0.1:1");
            assertEquals(0, nobody.status(), nobody::toString);
            awaitStatus(relay, "127.0.0.1:1: ordered by walrelay follow, ", 0);
            CommandRun timeline = CommandRun.of("follow", "--url", relay.url(), "1");
            assertEquals(0, timeline.status(), timeline::toString);
            assertEquals("the relay goes over to 1\n", timeline.out());
            Await.until("the order to be carried out", LIMIT, () -> CommandRun.of("status", "--url", relay.url()).out(), out -> !upstreamOf(out).contains("ordered"));
            // For programs, each in JSON; watched, a line for each look, and no escape codes where there is no terminal.
            for (List<String> command : List.of(
                    List.of("slot", "create", "s"), List.of("slot", "copy", "s", "t"), List.of("slot", "list"), List.of("slot", "drop", "t"),
                    List.of("standby", "pause", "s"), List.of("standby", "resume", "s"), List.of("follow", "1"))) {
                List<String> line = new ArrayList<>(command);
                line.addAll(List.of("--url", relay.url(), "--format", "json"));
                CommandRun said = CommandRun.of(line.toArray(String[]::new));
                assertEquals(0, said.status(), said::toString);
                assertTrue(JsonMapper.shared().readTree(said.out()).size() > 0, said::toString);
            }
            try (ExternalProcess watching = WalrelayCommand.start("status", "--url", relay.url(), "--watch=1")) {
                Await.until("a second look", LIMIT, () -> watching.output().split("upstream   ", -1).length > 2);
                assertFalse(watching.output().contains("\u001b"), watching::output);
            }
            CommandRun absent = CommandRun.of("follow", "--url", relay.url(), "7");
            assertEquals(0, absent.status(), absent::toString);
            awaitStatus(relay, "timeline 7: ordered by walrelay follow, on no host that answers", 0);
        }
    }

    @Test
    void sayWhatIsWrongWhenTheRelayHasNoWalYetOrIsAway() {
        int nobody = FreePort.next();
        try (RelayProcess relay = RelayProcess.of("host=127.0.0.1 port=%d user=postgres".formatted(nobody), "relay", directory.resolve("data"))
                .with("WALRELAY_HTTP_TOKENS", "look read-only;change")
                .start()) {
            relay.awaitHttp("/healthz", 200, LIMIT);
            CommandRun unknown = CommandRun.of("status", "--url", relay.url());
            assertRefused(unknown, "HTTP 401", "a token is given with --token-file or WALRELAY_TOKEN");
            CommandRun empty = CommandRun.of("status", "--url", relay.url(), "--token", "look");
            assertEquals(1, empty.status(), empty::toString);
            assertTrue(empty.out().contains("NOT READY") && empty.out().contains("no WAL yet"), empty::out);
            CommandRun json = CommandRun.of("status", "--url", relay.url(), "--token", "look", "--format", "json");
            assertEquals(1, json.status(), json::toString);
            assertFalse(JsonMapper.shared().readTree(json.out()).path("ready").asBoolean(true), json::out);
            assertRefused(CommandRun.of("follow", "--url", relay.url(), "--token", "look", "pg1"), "HTTP 403", "a token is given with --token");
            // What only a process has: its environment and its exit status.
            Programs.Result process = WalrelayCommand.run(
                    LIMIT, Map.of("WALRELAY_TOKEN", "change"), "follow", "--http", "127.0.0.1:" + relay.httpPort(), "127.0.0.1");
            assertEquals(0, process.status(), process::output);
            assertEquals("the relay goes over to 127.0.0.1\n", process.output());

            assertRefused(CommandRun.of("status", "--url", "http://127.0.0.1:" + relay.port()), "no HTTP answer from", "is this the relay's HTTP port");
            assertRefused(CommandRun.of("status", "--url", relay.url().replace("http:", "https:"), "--token", "look"), "https://127.0.0.1", "");
            assertEquals(143, relay.terminate(LIMIT));
            for (String[] command : new String[][] {{"status"}, {"status", "--format", "json"}, {"follow", "pg1"}}) {
                String[] line = new String[command.length + 2];
                System.arraycopy(command, 0, line, 0, command.length);
                line[command.length] = "--url";
                line[command.length + 1] = relay.url();
                assertRefused(CommandRun.of(line), "nothing answers at " + relay.url(), "is the relay running?");
            }
            assertRefused(CommandRun.of("status", "--url", "http://nowhere.invalid:8433"), "nowhere.invalid", "unknown host \"nowhere.invalid\"");
        }
    }

    @Test
    void reachARelayAndAServerByAnIpv6Literal() {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15))
                        .set("listen_addresses", "127.0.0.1,::1")
                        .hba("host all,replication all ::1/128 trust")
                        .start();
                RelayProcess relay = RelayProcess.of("host=::1 port=%d user=postgres".formatted(primary.port()), "relay", directory.resolve("data"))
                        .at("[::1]")
                        .start()) {
            relay.awaitReady(LIMIT);
            String upstream = "[::1]:" + primary.port();
            for (String[] where : new String[][] {{"--http", "[::1]:" + relay.httpPort()}, {"--http", "[::]:" + relay.httpPort()}, {"--relay", relay.url()}}) {
                CommandRun status = CommandRun.of("status", where[0], where[1]);
                if (where[1].startsWith("[::]")) {
                    // Open to everybody, so not without tokens; the relay itself would not have started either.
                    assertEquals(2, status.status(), status::toString);
                } else {
                    assertEquals(0, status.status(), status::toString);
                    assertTrue(status.out().contains("upstream   %s  streaming for ".formatted(upstream)), status::out);
                }
            }
            CommandRun follow = CommandRun.of("follow", "--http", "[::1]:" + relay.httpPort(), upstream);
            assertEquals(0, follow.status(), follow::toString);
            assertEquals("the relay goes over to %s\n".formatted(upstream), follow.out());
            awaitStatus(relay, "upstream   %s  streaming for ".formatted(upstream), 0);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "host=pg1 user=u prot=5432 | invalid connection option \"prot\"",
        "host=pg1 user=u port=0 | invalid port number: \"0\"",
        "host=pg1 user=u sslmode=verify | sslmode",
        "host=pg1 user=u password='half | unterminated quoted string",
        "pg1 | missing \"=\" after",
        "host=a,b user=u port=1,2,3 | could not match 3 port numbers to 2 hosts",
        "postgresql://u@[::1/postgres | ]",
        "user=u | host is missing"
    })
    void aBadConninfoIsAMistakeOfTheCommandLine(String conninfo, String problem) {
        Path data = directory.resolve("data");
        for (String command : new String[] {"check", "serve", "status"}) {
            CommandRun run = CommandRun.of(command, "--upstream", conninfo, "--data", data.toString());
            assertEquals(2, run.status(), run::toString);
            assertEquals("", run.out());
            assertTrue(run.err().startsWith("walrelay: upstream.conninfo = ") && run.err().contains(problem), run::err);
            assertEquals(1, run.err().lines().count(), run::err);
            assertFalse(run.err().contains("half"), run::err);
        }
        assertFalse(Files.exists(data), "the data directory");
    }

    @ParameterizedTest
    @CsvSource({"'pg1:0'", "'pg1:70000'", "'::1'", "'1@nowhere'", "'0'", "'a b'", "''"})
    void anUpstreamThatCanNotBeIsAMistakeOfTheCommandLine(String order) {
        CommandRun run = CommandRun.of("follow", "--url", "http://127.0.0.1:1", order);
        assertEquals(2, run.status(), run::toString);
        assertTrue(run.err().startsWith("not a") && run.err().contains("; expected "), run::err);
    }

    /** The part of the page that says how the relay reads. */
    private static String upstreamOf(String page) {
        return page.substring(page.indexOf("upstream "), page.indexOf("\nwal "));
    }

    private static void awaitStatus(RelayProcess relay, String fragment, int exit) {
        Await.until(
                "the status to show \"%s\" and to exit with %d".formatted(fragment, exit),
                LIMIT,
                () -> CommandRun.of("status", "--url", relay.url()),
                run -> run.status() == exit && run.out().contains(fragment));
    }

    private static void assertRefused(CommandRun run, String reason, String hint) {
        assertEquals(1, run.status(), run::toString);
        assertEquals("", run.out());
        assertTrue(run.err().startsWith("walrelay: ") && run.err().contains(reason) && run.err().contains(hint), run::err);
        assertEquals(1, run.err().lines().count(), run::err);
    }
}
