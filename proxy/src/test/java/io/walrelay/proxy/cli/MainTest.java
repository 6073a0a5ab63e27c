package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.WalPush;
import io.walrelay.proxy.config.Durations;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class MainTest {

    private final StringWriter out = new StringWriter();

    private final StringWriter err = new StringWriter();

    @ParameterizedTest
    @CsvSource({"--help, 0", "--version, 0", "'', 2", "serv, 2", "check --help, 0", "setup-sql --version, 0", "check --no-such, 2", "setup-sql, 0"})
    void exitsWithTheStatusOfTheOutcome(String arguments, int status) {
        assertEquals(status, run(arguments.isEmpty() ? new String[0] : arguments.split(" ")), err.toString());
    }

    @Test
    void namesEveryProblemOfTheSettingsOnALineOfItsOwn() {
        assertEquals(2, run("check", "--upstream", "host=a user=u", "--listen", "nowhere", "--slot", "No"));
        assertEquals(
                """
                walrelay: upstream.slot = "No" (--slot): expected a slot name of up to 63 lower-case letters, digits and _, which may \
                contain {hostname}
                walrelay: listen.address = "nowhere" (--listen): expected HOST:PORT with a port from 0 to 65535, like 127.0.0.1:6433 or \
                [::1]:6433
                """,
                err.toString());
    }

    @Test
    void grantsNothingThatIsNotAskedFor() {
        assertEquals(0, run("setup-sql", "--user", "My Relay"));
        assertTrue(out.toString().contains("CREATE ROLE \"My Relay\" LOGIN REPLICATION;"), out.toString());
        assertFalse(out.toString().contains("GRANT"), out.toString());
    }

    @Test
    void printsWhatASlotThatFollowsTheRelaysOwnNeeds() {
        assertEquals(0, run("setup-sql", "--slot-follows-own"));
        assertTrue(out.toString().contains("GRANT EXECUTE ON FUNCTION pg_catalog.pg_replication_slot_advance(name, pg_lsn) TO walrelay;"), out.toString());
        assertTrue(out.toString().contains("--   host  postgres     walrelay  <relay-address>/32  scram-sha-256"), out.toString());
    }

    @Test
    void asksForThePasswordLastSinceItWouldReadWhatFollows() {
        assertEquals(0, run("setup-sql", "--auth-query"));
        assertTrue(out.toString().endsWith("\n\\password walrelay\n"), out.toString());
    }

    private int run(String... arguments) {
        CommandLine command = Main.commandLine();
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(err, true));
        return command.execute(arguments);
    }

    /** A client that hangs up before the relay has answered pushes the same file for ever. */
    @Test
    void pushWaitsForLongerThanARelayWaitsForItsArchive() {
        CommandLine.Model.OptionSpec timeout = new CommandLine(new PushCommand()).getCommandSpec().findOption("--timeout");
        assertTrue(Durations.parse(timeout.defaultValue()).compareTo(WalPush.ARCHIVED_WITHIN.plusSeconds(10)) > 0, timeout::defaultValue);
    }
}
