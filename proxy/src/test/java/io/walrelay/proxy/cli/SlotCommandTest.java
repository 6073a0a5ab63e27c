package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.http.ForeignSlot;
import io.walrelay.proxy.http.HttpLimits;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.servers.SqlTarget;
import io.walrelay.proxy.testkit.FakeRelay;
import io.walrelay.wal.SystemId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SlotCommandTest {

    private static final String SLOT = "{\"name\":\"a\",\"temporary\":false,\"active_pid\":null,\"inactive_since\":null,\"restart_lsn\":\"0/3000000\","
            + "\"furthest_sent\":null,\"retained_bytes\":1024,\"safe_bytes\":1024,\"wal_status\":\"reserved\",\"of_a_later_version\":1}";

    private static final String UNRESERVED = SLOT.replace("\"0/3000000\"", "null");

    @TempDir
    private Path directory;

    /** What is seen to be wrong before any relay is asked. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "slot | expected list, create, copy, drop or import",
        "slot create Bad-name | replication slot name \"Bad-name\" contains invalid character; Replication slot names may only contain",
        "slot copy a b/c | contains invalid character",
        "slot drop ../a | contains invalid character",
        "slot drop | expected the NAME of a slot of the relay, or --upstream for the relay's own",
        "slot drop a --upstream | expected the NAME of a slot of the relay or --upstream, not both",
        "slot drop a --skip-unreachable | expected --upstream with --skip-unreachable, not the NAME",
        "serve --upstream --data /nowhere | upstream.conninfo = (not shown) (--upstream): expected a libpq connection string",
    })
    void saysWhatWasExpected(String line, String part) {
        CommandRun run = CommandRun.of(line.split(" ", -1));
        assertEquals(Main.USAGE, run.status(), run::err);
        assertTrue(run.err().contains(part), run::err);
    }

    @Test
    void asksTheRelay() {
        try (FakeRelay relay = FakeRelay.serving(directory)) {
            relay.next(json(SLOT), json(SLOT), json("{\"dropped\":\"a\"}"), json("[" + SLOT + "]"), json("[]"));
            assertEquals("slot \"a\" keeps WAL from 0/3000000 on", run(relay, "create", "a"));
            assertEquals("slot \"a\" is a copy of \"b\" and keeps WAL from 0/3000000 on", run(relay, "copy", "b", "a"));
            assertEquals("slot \"a\" is gone", run(relay, "drop", "a"));
            String table = run(relay, "list");
            assertTrue(table.contains("0/3000000  1.0kB     2.0kB     reserved"), table);
            assertEquals("no slots", run(relay, "list"));
            assertEquals(
                    List.of("PUT /api/v1/slots/a", "PUT /api/v1/slots/a", "DELETE /api/v1/slots/a", "GET /api/v1/slots", "GET /api/v1/slots"),
                    relay.requests().stream().map(request -> request.method() + " " + request.target()).toList());
        }
    }

    @Test
    void saysWhatIsToBeMade() {
        try (FakeRelay relay = FakeRelay.serving(directory)) {
            relay.next(json(SLOT), json(UNRESERVED), json(SLOT), json(SLOT));
            var _ = run(relay, "create", "a");
            assertEquals("slot \"a\" keeps no WAL before its standby has come", run(relay, "create", "a", "--no-reserve"));
            var _ = run(relay, "copy", "b", "a");
            var _ = run(relay, "copy", "b", "a", "--persistent");
            assertEquals(
                    List.of("{\"reserve_wal\":true}", "{\"reserve_wal\":false}", "{\"copy_of\":\"b\"}", "{\"copy_of\":\"b\",\"temporary\":false}"), relay.orders());
        }
    }

    private static FakeRelay.Answer json(String body) {
        return FakeRelay.status(200, "application/json", body);
    }

    private static String run(FakeRelay relay, String command, String... arguments) {
        String[] line = new String[arguments.length + 4];
        line[0] = "slot";
        line[1] = command;
        System.arraycopy(arguments, 0, line, 2, arguments.length);
        line[line.length - 2] = "--url";
        line[line.length - 1] = relay.url();
        CommandRun run = CommandRun.of(line);
        assertEquals(Main.OK, run.status(), run::err);
        return run.out().strip();
    }

    @Test
    void importsTheSlotsThatAreNamedAndMissesNone() throws IOException {
        PrimarySlots found = new PrimarySlots("pg1:5432", new SystemId(7), 1, List.of(new ForeignSlot("a", "0/1"), new ForeignSlot("b", null)));
        assertEquals(found, found.only(List.of()));
        assertEquals(List.of(new ForeignSlot("b", null)), found.only(List.of("b")).slots());
        IOException missing = assertThrows(IOException.class, () -> found.only(List.of("a", "c")));
        assertEquals("no physical slot \"c\" of a standby on pg1:5432; there are: a, b", missing.getMessage());
    }

    @Test
    void asksForManySlotsInRequestsThatARelayReads() {
        List<ForeignSlot> many = IntStream.range(0, 250).mapToObj(i -> new ForeignSlot("s%062d".formatted(i), "FFFFFFFF/FFFFFFFF")).toList();
        List<Map<String, Object>> requests = new PrimarySlots("pg1:5432", new SystemId(-1), 0xFFFF_FFFFL, many).requests();
        assertEquals(3, requests.size());
        assertEquals(many, requests.stream().flatMap(request -> ((List<?>) request.getOrDefault("slots", List.of())).stream()).toList());
        requests.forEach(request -> assertTrue(Json.MAPPER.writeValueAsString(request).length() <= HttpLimits.DEFAULT.bodyBytes(), request::toString));
    }

    @Test
    void theRelaysOwnSlotIsNotDroppedAnywhereWhileARelayUsesIt() {
        OwnSlot.Server idle = new OwnSlot.Server(target("pg2:5432"), new OwnSlot.Found.Idle());
        OwnSlot.Server active = new OwnSlot.Server(target("pg1:5432"), new OwnSlot.Found.Active(7));
        Optional<String> refusal = Optional.of("replication slot \"walrelay\" is active on pg1:5432: nothing was dropped; stop the relay first");
        assertEquals(Optional.empty(), OwnSlot.refusal("walrelay", List.of(idle), false));
        assertEquals(refusal, OwnSlot.refusal("walrelay", List.of(idle, active), false));
        assertEquals(refusal, OwnSlot.refusal("walrelay", List.of(idle, active), true), "whatever is skipped");
    }

    /** "Not there" and "could not look" are different answers. */
    @Test
    void theRelaysOwnSlotIsNotDroppedWhileAServerOnWhichARelayMayUseItCantBeAsked() {
        OwnSlot.Server idle = new OwnSlot.Server(target("pg2:5432"), new OwnSlot.Found.Idle());
        OwnSlot.Server down = new OwnSlot.Server(target("pg1:5432"), new OwnSlot.Found.Unknown("Connection refused"));
        OwnSlot.Server closed = new OwnSlot.Server(target("pg3:5432"), new OwnSlot.Found.Unknown("no pg_hba.conf entry"));
        assertEquals(
                Optional.of("replication slot \"walrelay\" may be in use, since pg1:5432 could not be asked (Connection refused), and pg3:5432 could not be asked"
                        + " (no pg_hba.conf entry): nothing was dropped; try again when it answers, or, if no relay uses the slot there, with --skip-unreachable"),
                OwnSlot.refusal("walrelay", List.of(down, idle, closed), false));
        assertEquals(Optional.empty(), OwnSlot.refusal("walrelay", List.of(down, idle, closed), true));
    }

    @Test
    void whoSkipsWhatCantBeAskedIsToldSo() {
        String nobody = "host=127.0.0.1 port=1 user=u connect_timeout=2";
        CommandRun refused = CommandRun.of("slot", "drop", "--upstream", nobody, "--slot", "walrelay");
        assertEquals(Main.FAILURE, refused.status(), refused::err);
        assertTrue(refused.out().contains("replication slot \"walrelay\" may be in use, since 127.0.0.1:1 could not be asked ("), refused::out);
        CommandRun skipped = CommandRun.of("slot", "drop", "--upstream", nobody, "--slot", "walrelay", "--skip-unreachable");
        assertEquals(Main.FAILURE, skipped.status(), "it may still be there");
        assertTrue(skipped.out().startsWith("127.0.0.1:1: could not be asked: "), skipped::out);
    }

    private static SqlTarget target(String host) {
        return new SqlTarget(host, "jdbc:postgresql://%s/postgres".formatted(host), new Properties());
    }
}
