package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.BackendDecoder;
import io.walrelay.protocol.codec.BackendLimits;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CopyBothResponse;
import io.walrelay.protocol.message.BackendMessage.CopyData;
import io.walrelay.protocol.replication.FromServer;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every word of an answer, as psql shows it in a replication session of the relay beside one of its upstream: HINT and DETAIL too, the
 * commands that the relay does not have, and the one that begins a stream. {@link PsqlIT} has the rest.
 */
@Timeout(120)
final class PsqlAnswersIT {

    private static final Programs PROGRAMS = Programs.version(15);
    private static final Psql PSQL = new Psql(PROGRAMS);

    private static final Duration LIMIT = Duration.ofSeconds(30);

    /** Answered by the relay as by PostgreSQL, word for word. */
    private static final List<String> ALIKE = List.of(
            "CREATE_REPLICATION_SLOT a PHYSICAL",
            "CREATE_REPLICATION_SLOT a PHYSICAL",
            "CREATE_REPLICATION_SLOT \"Bad-name\" PHYSICAL",
            "CREATE_REPLICATION_SLOT \"\" PHYSICAL",
            "CREATE_REPLICATION_SLOT d PHYSICAL (FOO)",
            "TIMELINE_HISTORY 2",
            "DROP_REPLICATION_SLOT nosuch",
            "START_REPLICATION SLOT nosuch 0/0",
            "SELECT 1",
            "FOO BAR");

    /** There since PostgreSQL 17. A relay in front of an older server knows it, too. */
    private static final Map<String, String> ALTER = Map.of(
            "ALTER_REPLICATION_SLOT a (FAILOVER)", "ERROR:  0A000: cannot use ALTER_REPLICATION_SLOT with a physical replication slot",
            "ALTER_REPLICATION_SLOT a (FAILOVER true)", "ERROR:  0A000: cannot use ALTER_REPLICATION_SLOT with a physical replication slot",
            "ALTER_REPLICATION_SLOT a (TWO_PHASE false)", "ERROR:  0A000: cannot use ALTER_REPLICATION_SLOT with a physical replication slot",
            "ALTER_REPLICATION_SLOT a (FOO)", "ERROR:  XX000: unrecognized option: foo",
            "ALTER_REPLICATION_SLOT nosuch (FAILOVER true)", "ERROR:  42704: replication slot \"nosuch\" does not exist");

    /** PostgreSQL says less: what the relay adds, so that whoever typed it knows how to go on. */
    private static final Map<String, String> MORE = Map.of(
            "SHOW nosuch", "HINT:  the relay answers for the parameters that replication clients ask for, and no others; ask the primary",
            "TIMELINE_HISTORY 0", "DETAIL:  Expected 1 to 4294967295.",
            "IDENTIFY_SYSTEM x", "DETAIL:  Unexpected input at or near x; expected the end of the command.",
            "START_REPLICATION foo", "DETAIL:  Unexpected input at or near foo; expected PHYSICAL or a position like 0/3000000.",
            "START_REPLICATION 0/1000000 TIMELINE 7",
                    "HINT:  the relay is on timeline 1; if the new timeline is the right one, let the relay follow its server: walrelay follow");

    /** What goes on to upstream. */
    private static final List<String> UPSTREAMS = List.of(
            "BASE_BACKUP",
            "BASE_BACKUP (LABEL 'x', WAL false)",
            "UPLOAD_MANIFEST",
            "CREATE_REPLICATION_SLOT l LOGICAL test_decoding",
            "CREATE_REPLICATION_SLOT l TEMPORARY LOGICAL pgoutput (SNAPSHOT 'nothing')",
            "START_REPLICATION SLOT l LOGICAL 0/0 (\"proto_version\" '1')");

    private static final String NOBODY_UPSTREAM = """
            ERROR:  28000: the relay has nothing to log user "postgres" in upstream with
            DETAIL:  Only a client that logs in by scram-sha-256, with a SCRAM verifier, shows the key that it takes.
            HINT:  make its line in listen.hba scram-sha-256; or let all such sessions be the relay's own role upstream, with listen.forward-as: own""";

    @TempDir
    private Path directory;

    private static LocalPostgres primary(int version) {
        return LocalPostgres.of(Servers.version(version)).segmentSize(new SegmentSize(1 << 20)).start();
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void hintsAndDetailsArePostgresqlsAndWhatTheRelayAddsIsKnown(int version) {
        try (LocalPostgres primary = primary(version);
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start()) {
            PSQL.awaitLevel(relay, primary);
            List<String> commands = Stream.of(ALIKE.stream(), ALTER.keySet().stream(), MORE.keySet().stream()).flatMap(all -> all).toList();
            Map<String, String> theirs = answers(primary.conninfo(), commands);
            Map<String, String> ours = answers(relay.conninfo(), commands);
            theirs.forEach((numbered, answer) -> {
                String command = numbered.substring(numbered.indexOf(' ') + 1);
                String own = ours.getOrDefault(numbered, "");
                if (MORE.containsKey(command)) {
                    assertEquals(answer + "\n" + MORE.get(command), own, command);
                } else if (ALTER.containsKey(command)) {
                    assertEquals(ALTER.get(command), own, command);
                    assertEquals(version >= 17 ? own : "ERROR:  0A000: cannot execute SQL commands in WAL sender for physical replication", answer, command);
                } else {
                    assertEquals(answer, own, command);
                }
            });
            assertTrue(ours.toString().contains("HINT:  Replication slot names may only contain"), ours::toString);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void whatGoesOnToUpstreamNeedsAKeyToLogInThereWith(int version) {
        try (LocalPostgres primary = primary(version);
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start()) {
            PSQL.awaitLevel(relay, primary);
            answers(relay.conninfo(), UPSTREAMS).forEach((command, answer) -> assertEquals(NOBODY_UPSTREAM, answer, command));
            assertEquals(1, answers(relay.conninfo(), List.of("IDENTIFY_SYSTEM")).size(), "the relay goes on");
        }
    }

    /** psql has no use for a stream and says so; what it was sent is looked at on the line. */
    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void startReplicationBeginsTheSameStream(int version) throws IOException {
        try (LocalPostgres primary = primary(version);
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start()) {
            PSQL.awaitLevel(relay, primary);
            for (int port : new int[] {primary.port(), relay.port()}) {
                // One each: how soon the first is free again is the server's to say.
                PSQL.replication("host=127.0.0.1 port=%d user=postgres".formatted(port), "CREATE_REPLICATION_SLOT s PHYSICAL", "CREATE_REPLICATION_SLOT t PHYSICAL")
                        .orFail();
            }
            primary.execute("SELECT pg_switch_wal()", "CREATE TABLE t AS SELECT generate_series(1, 1000)");
            Lsn end = primary.flushedLsn();
            PSQL.awaitLevel(relay, primary);
            Lsn start = new SegmentSize(1 << 20).startOf(end);
            for (String command : List.of(
                    "START_REPLICATION " + start,
                    "START_REPLICATION PHYSICAL %s TIMELINE 1".formatted(start),
                    "START_REPLICATION SLOT s PHYSICAL %s TIMELINE 1".formatted(start),
                    "START_REPLICATION SLOT \"t\" %s".formatted(start))) {
                byte[] theirs = streamed(primary.port(), command, start, end);
                byte[] ours = streamed(relay.port(), command, start, end);
                assertEquals(ByteBufUtil.hexDump(theirs), ByteBufUtil.hexDump(ours), command);
            }
        }
    }

    /** What comes from {@code start} to {@code end} once psql has sent {@code command}. */
    private byte[] streamed(int port, String command, Lsn start, Lsn end) throws IOException {
        Path seen = directory.resolve("seen");
        try (FaultProxy line = FaultProxy.to(port)) {
            line.record(FaultProxy.Direction.TO_CLIENT);
            String conninfo = "host=127.0.0.1 port=%d user=postgres dbname=x sslmode=disable gssencmode=disable replication=true".formatted(line.port());
            try (ExternalProcess psql =
                    PROGRAMS.start("psql", "-X", "-c", command, "-c", "\\! while [ ! -e %s ]; do sleep 0.05; done".formatted(seen), conninfo)) {
                int length = (int) end.minus(start);
                byte[] wal = Await.until(
                        "the stream that begins with " + command,
                        LIMIT,
                        () -> wal(line.recorded(FaultProxy.Direction.TO_CLIENT), start, length),
                        Optional::isPresent).orElseThrow();
                Files.createFile(seen);
                psql.awaitExit(LIMIT);
                assertEquals("unexpected PQresultStatus: 8", psql.output().strip(), command);
                return wal;
            }
        } finally {
            Files.deleteIfExists(seen);
        }
    }

    /** The WAL in what a server said, if there is as much as that. */
    private static Optional<byte[]> wal(byte[] said, Lsn start, int length) {
        ByteBuf in = Unpooled.wrappedBuffer(said);
        BackendDecoder decoder = new BackendDecoder(BackendLimits.DEFAULT);
        ByteBuf wal = Unpooled.buffer();
        boolean both = false;
        for (BackendMessage message = decoder.decode(in); message != null; message = decoder.decode(in)) {
            both |= message instanceof CopyBothResponse;
            if (message instanceof CopyData(var data) && FromServerCodec.decode(data) instanceof FromServer.XLogData piece) {
                assertTrue(both, "CopyBothResponse comes first");
                assertEquals(start.plus(wal.readableBytes()), piece.start());
                wal.writeBytes(piece.wal());
            }
        }
        return wal.readableBytes() < length ? Optional.empty() : Optional.of(ByteBufUtil.getBytes(wal, 0, length));
    }

    /** Answers by numbered command, all from one session, without LOCATION, which only PostgreSQL has. */
    private static Map<String, String> answers(String conninfo, List<String> commands) {
        List<String> arguments = new ArrayList<>(List.of("-X", "-v", "VERBOSITY=verbose"));
        for (int i = 0; i < commands.size(); i++) {
            arguments.addAll(List.of("-c", "\\echo ==" + i, "-c", commands.get(i)));
        }
        arguments.add(conninfo + " replication=true");
        String output = PROGRAMS.run(LIMIT, "psql", arguments.toArray(String[]::new)).output();
        Map<String, String> answers = new LinkedHashMap<>();
        for (String part : Stream.of(output.split("(?m)^==", -1)).skip(1).toList()) {
            int number = Integer.parseInt(part.substring(0, part.indexOf('\n')));
            answers.put(
                    number + " " + commands.get(number),
                    part.lines().skip(1).filter(line -> !line.startsWith("LOCATION:")).collect(Collectors.joining("\n")));
        }
        assertEquals(commands.size(), answers.size(), output);
        return answers;
    }
}
