package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** psql in a replication session of the relay beside one of PostgreSQL: the same answers, and an own word where there are none. */
@Timeout(120)
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class PsqlIT {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    /** Answered alike, in this order: slots made by one are looked at by the next. */
    private static final List<String> ALIKE = List.of(
            "IDENTIFY_SYSTEM",
            "SHOW wal_segment_size",
            "SHOW data_directory_mode",
            "SHOW server_version",
            "SHOW integer_datetimes",
            "SHOW TIMEZONE",
            "SHOW nosuch",
            "TIMELINE_HISTORY 1",
            "TIMELINE_HISTORY 0",
            "TIMELINE_HISTORY 2",
            "CREATE_REPLICATION_SLOT a PHYSICAL",
            "CREATE_REPLICATION_SLOT a PHYSICAL",
            "CREATE_REPLICATION_SLOT b PHYSICAL RESERVE_WAL",
            "CREATE_REPLICATION_SLOT c PHYSICAL (RESERVE_WAL)",
            "CREATE_REPLICATION_SLOT t TEMPORARY PHYSICAL",
            "CREATE_REPLICATION_SLOT \"Bad-name\" PHYSICAL",
            "CREATE_REPLICATION_SLOT \"\" PHYSICAL",
            "CREATE_REPLICATION_SLOT d PHYSICAL (FOO)",
            "READ_REPLICATION_SLOT a",
            "READ_REPLICATION_SLOT nosuch",
            "DROP_REPLICATION_SLOT a",
            "DROP_REPLICATION_SLOT b WAIT",
            "DROP_REPLICATION_SLOT c",
            "DROP_REPLICATION_SLOT nosuch",
            "DROP_REPLICATION_SLOT nosuch WAIT",
            "READ_REPLICATION_SLOT a",
            "SELECT 1",
            "FOO BAR",
            "SELECT 'abc",
            "IDENTIFY_SYSTEM x",
            "START_REPLICATION foo",
            "START_REPLICATION 0/0 TIMELINE 9",
            "START_REPLICATION 0/1000000 TIMELINE 7",
            "START_REPLICATION SLOT nosuch 0/0",
            "START_REPLICATION SLOT \"x");

    /** What goes on to upstream, where nobody can log in who was trusted here. */
    private static final List<String> UPSTREAMS =
            List.of("BASE_BACKUP", "CREATE_REPLICATION_SLOT d LOGICAL test_decoding", "START_REPLICATION SLOT d LOGICAL 0/0");

    private final Programs programs;

    @TempDir
    private Path directory;

    PsqlIT(int version) {
        programs = Programs.version(version);
    }

    @Test
    void commandsAreAnsweredAsPostgresqlAnswersThem() {
        try (LocalPostgres primary = LocalPostgres.of(programs.server()).start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start()) {
            new Psql(programs).awaitLevel(relay, primary);

            Map<String, String> theirs = answers(primary.conninfo(), ALIKE);
            Map<String, String> ours = answers(relay.conninfo(), ALIKE);
            theirs.forEach((command, answer) -> assertEquals(answer, ours.get(command), command));

            answers(relay.conninfo(), UPSTREAMS).forEach((command, answer) ->
                    assertEquals("ERROR:  28000: the relay has nothing to log user \"postgres\" in upstream with", answer, command));
        }
    }

    /** Answers by numbered command, all from one session; without what only one of the two can have (LOCATION) or only the relay adds. */
    private Map<String, String> answers(String conninfo, List<String> commands) {
        List<String> arguments = new ArrayList<>(List.of("-X", "-v", "VERBOSITY=verbose"));
        for (int i = 0; i < commands.size(); i++) {
            arguments.addAll(List.of("-c", "\\echo ==" + i, "-c", commands.get(i)));
        }
        arguments.add(conninfo + " replication=true");
        String output = programs.run(LIMIT, "psql", arguments.toArray(String[]::new)).output();
        Map<String, String> answers = new LinkedHashMap<>();
        for (String part : Stream.of(output.split("(?m)^==", -1)).skip(1).toList()) {
            int number = Integer.parseInt(part.substring(0, part.indexOf('\n')));
            answers.put(number + " " + commands.get(number), part.lines()
                    .skip(1)
                    .filter(line -> Stream.of("LOCATION:", "HINT:", "DETAIL:").noneMatch(line::startsWith))
                    .collect(Collectors.joining("\n")));
        }
        assertEquals(commands.size(), answers.size(), output);
        return answers;
    }
}
