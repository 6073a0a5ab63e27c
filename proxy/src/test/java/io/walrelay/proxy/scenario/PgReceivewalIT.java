package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * pg_receivewal beside pg_receivewal, under load and through a restart of the relay: the same files, byte for byte.
 *
 * <pre>
 *   primary ──▶ direct
 *      └──────▶ relay ──▶ plain, tls, slot (--synchronous)
 * </pre>
 */
@Timeout(180)
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class PgReceivewalIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int SEGMENTS = 12;

    private final Programs programs;

    @TempDir
    private Path directory;

    PgReceivewalIT(int version) {
        programs = Programs.version(version);
    }

    @Test
    void filesAreThoseOfAReceiverAttachedToThePrimary() throws Exception {
        Certificates certificates = Certificates.in(directory);
        Certificates.Pair server = certificates.issue("server");
        try (LocalPostgres primary = LocalPostgres.of(programs.server()).segmentSize(new SegmentSize(1 << 20)).start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                        .with("WALRELAY_LISTEN_TLS_CERT", server.certificate().toString())
                        .with("WALRELAY_LISTEN_TLS_KEY", server.key().toString())
                        .start()) {
            Psql psql = new Psql(programs);
            psql.awaitLevel(relay, primary);
            psql.replication(relay.conninfo(), "CREATE_REPLICATION_SLOT kept PHYSICAL").orFail();
            try (ExternalProcess direct = receive("direct", primary.conninfo());
                    ExternalProcess plain = receive("plain", relay.conninfo() + " sslmode=disable");
                    ExternalProcess tls = receive("tls", relay.conninfo() + " sslmode=verify-full sslrootcert=" + certificates.authority());
                    ExternalProcess slot = receive("slot", relay.conninfo(), "--slot=kept", "--synchronous")) {
                for (ExternalProcess receiver : List.of(direct, plain, tls, slot)) {
                    receiver.awaitOutput("starting log streaming", LIMIT);
                }
                try (Ledger ledger = Ledger.on(primary, 4_000)) {
                    awaitSegments(List.of("direct", "plain", "tls", "slot"), SEGMENTS);

                    assertEquals(143, relay.terminate(LIMIT));
                    for (ExternalProcess receiver : List.of(plain, tls, slot)) {
                        receiver.awaitOutput("disconnected; waiting 5 seconds to try again", LIMIT);
                        assertTrue(receiver.isRunning(), receiver::output);
                        assertTrue(!receiver.output().contains("unexpected"), receiver::output);
                    }
                    relay.start();

                    awaitSegments(List.of("plain", "tls", "slot"), complete("plain").size() + SEGMENTS);
                    ledger.stop();
                }
                String last = primary.query("SELECT pg_walfile_name(pg_switch_wal())");
                Await.until("all to have " + last, LIMIT, () -> Stream.of("direct", "plain", "tls", "slot").allMatch(name -> complete(name).contains(last)));
                for (String name : List.of("plain", "tls", "slot")) {
                    assertSame("direct", name);
                }
                String restart = psql.replication(relay.conninfo(), "READ_REPLICATION_SLOT kept").orFail();
                assertTrue(restart.startsWith("physical|0/"), restart);
            }
        }
    }

    private ExternalProcess receive(String name, String conninfo, String... more) throws IOException {
        Path into = Files.createDirectory(directory.resolve(name));
        List<String> arguments = new ArrayList<>(List.of("--verbose", "-D", into.toString(), "-d", conninfo));
        arguments.addAll(List.of(more));
        return programs.start("pg_receivewal", arguments.toArray(String[]::new));
    }

    private void awaitSegments(List<String> receivers, int count) {
        for (String name : receivers) {
            Await.until("%d segments from %s".formatted(count, name), LIMIT, () -> complete(name).size(), seen -> seen >= count);
        }
    }

    private SortedSet<String> complete(String receiver) {
        try (Stream<Path> files = Files.list(directory.resolve(receiver))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.endsWith(".partial"))
                    .collect(Collectors.toCollection(TreeSet::new));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private void assertSame(String expected, String actual) throws IOException {
        SortedSet<String> both = complete(actual);
        SortedSet<String> reference = complete(expected);
        // Each begins where WAL ended when it came.
        String first = Stream.of(both.first(), reference.first()).max(String::compareTo).orElseThrow();
        assertEquals(reference.tailSet(first), both.tailSet(first), actual);
        assertTrue(both.tailSet(first).size() >= SEGMENTS, () -> actual + " has " + both);
        for (String name : both.tailSet(first)) {
            assertArrayEquals(
                    Files.readAllBytes(directory.resolve(expected).resolve(name)),
                    Files.readAllBytes(directory.resolve(actual).resolve(name)),
                    () -> actual + "/" + name);
        }
    }
}
