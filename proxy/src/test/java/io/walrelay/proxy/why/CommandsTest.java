package io.walrelay.proxy.why;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Names are what anybody may call himself who reaches the port. */
final class CommandsTest {

    private static final Commands COMMANDS = new Commands(new Addresses("host=relay port=6433", "https://relay:8433"));
    private static final String HOSTILE = "a'; rm -rf / \"$(id)";

    @Test
    void plainNamesStayPlain() {
        assertEquals("psql 'host=relay port=6433 user=repl replication=true' -c IDENTIFY_SYSTEM", COMMANDS.login("repl"));
        assertEquals("walrelay slot create s1", Commands.createSlot("s1"));
        assertEquals("walrelay standby resume s1", Commands.standby("resume", "s1"));
        assertEquals("listen.hba needs: host replication \"repl\" 10.0.0.7/32 scram-sha-256", Commands.hbaLine("repl", "10.0.0.7"));
        assertEquals("listen.hba needs: host replication \"repl\" fd00::7/128 scram-sha-256", Commands.hbaLine("repl", "fd00::7"));
        assertEquals(
                "primary_conninfo = 'host=relay port=6433 application_name=s1' with primary_slot_name = 's1'",
                COMMANDS.primaryConninfo("s1", Optional.of("s1")));
        assertEquals("on the standby: ALTER SYSTEM SET max_connections = 200; then restart it", Commands.settings(Map.of("max_connections", 200)));
    }

    @Test
    void othersStayNames() {
        assertEquals(
                "walrelay rewind -D DIRECTORY -R --source-server='host=relay port=6433 user=two dbname=postgres' --relay='https://[::1]:8433' --relay-conninfo='host=relay port=6433 user=two' --relay-slot='a'\\''; rm -rf / \"$(id)'",
                new Commands(new Addresses("host=relay port=6433", "https://[::1]:8433")).rewind("two", Optional.of(HOSTILE)));
        assertEquals("walrelay slot create 'a'\\''; rm -rf / \"$(id)'", Commands.createSlot(HOSTILE));
        assertEquals("on the primary: ALTER ROLE \"a'; rm -rf / \"\"$(id)\" PASSWORD '…'", Commands.password(HOSTILE));
        assertEquals(
                "psql 'host=relay port=6433 user='\\''a\\'\\''; rm -rf / \"$(id)'\\'' replication=true' -c IDENTIFY_SYSTEM",
                COMMANDS.login(HOSTILE));
        assertEquals(
                "primary_conninfo = 'host=relay port=6433 application_name=''a\\\\''; rm -rf / \"$(id)'''",
                COMMANDS.primaryConninfo(HOSTILE, Optional.empty()));
        assertEquals("listen.hba needs: host replication \"all\" 10.0.0.7/32 scram-sha-256", Commands.hbaLine("all", "10.0.0.7"));
        assertEquals("listen.hba needs: host replication \"two words\" 10.0.0.7/32 scram-sha-256", Commands.hbaLine("two words", "10.0.0.7"));
    }
}
