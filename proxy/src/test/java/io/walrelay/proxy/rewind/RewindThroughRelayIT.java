package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.LIMIT;
import static io.walrelay.proxy.rewind.TwoServers.awaitRelay;
import static io.walrelay.proxy.rewind.TwoServers.content;
import static io.walrelay.proxy.rewind.TwoServers.diverge;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.relayBehind;
import static io.walrelay.proxy.rewind.TwoServers.relayOf;
import static io.walrelay.proxy.rewind.TwoServers.rewind;
import static io.walrelay.proxy.rewind.TwoServers.rewindThrough;
import static io.walrelay.proxy.rewind.TwoServers.skippedBlocks;
import static io.walrelay.proxy.rewind.TwoServers.startAfterRewind;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static io.walrelay.proxy.rewind.TwoServers.who;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * No WAL is copied: the rewound server streams it from the relay, from the replay start on.
 *
 * <pre>
 *   old   1 ──C──|────|────|──┬── went on ─╳  rewound ──▶ streams from the relay
 *   new                       └─2──────────────────────────────────────────────▶
 *   relay 1 ──────────────────┴─2── follows new
 * </pre>
 */
class RewindThroughRelayIT {

    private static final Pattern FETCHED = Pattern.compile("\"bytes_fetched\":(\\d+)");

    /** Not the last of those before the fork, which is read; what the source has written is known to its end. */
    private static final Pattern FROM_INDEX =
            Pattern.compile("\"target_wal\":\\{\"segments_indexed\":[1-9][0-9]*,.*\"source_wal\":\\{\"segments_indexed\":[1-9][0-9]*,\"segments_read\":0}");

    private static final String ROLE = "rewinder";
    private static final String PASSWORD = "of the rewinder";

    private static final String LAST_CHECKPOINT = "SELECT checkpoint_lsn FROM pg_control_checkpoint()";

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {13, 14, 15, 18})
    void theTargetStreamsFromTheRelayWhatItWouldElseCopy(int major) throws IOException {
        try (TwoServers servers = TwoServers.of(Servers.version(major));
                RelayProcess relay = relay(servers.standby, major).start()) {
            LocalPostgres old = servers.old;
            LocalPostgres now = servers.standby;
            if (asksForPasswords(major)) {
                makeRole(old, now);
            }
            for (int i = 0; i < 3; i++) {
                old.execute("INSERT INTO t SELECT 'more', i, repeat('z', 100) FROM generate_series(1, 100) i", "SELECT pg_switch_wal()");
            }
            servers.awaitReplay(old, now);
            promote(now);
            diverge(now, "new");
            // A whole segment with images of the blocks that both changed, which the relay has then.
            now.execute("SELECT pg_switch_wal()", "INSERT INTO t VALUES ('next', 1, '')");
            diverge(old, "old");
            end(old, major);
            // The target's own WAL has a hole before the fork, which the relay fills for the plan, and on 14 the source for the replay.
            Files.delete(old.dataDirectory().resolve("pg_wal/000000010000000000000003"));
            makeKeys(old, now);
            Map<String, String> kept = OWN_FILES.stream().collect(Collectors.toMap(name -> name, name -> read(copiesConfiguration(major) ? now : old, name)));
            awaitRelay(now);
            awaitIndex(relay);
            String before = now.query(LAST_CHECKPOINT);
            if (isStopped(major)) {
                stop(now);
            }

            Programs.Result result = rewind(old, arguments(major, relay, now));

            assertEquals(0, result.status(), result.output());
            if (isStopped(major)) {
                now.start();
            }
            assertEquals(!isStopped(major), result.output().contains("the source has made a checkpoint"), result.output());
            assertNotEquals(before, now.query(LAST_CHECKPOINT));
            assertFalse(result.output().contains("would shorten"), result.output());
            Matcher fetched = FETCHED.matcher(result.output());
            assertTrue(fetched.find() && Long.parseLong(fetched.group(1)) < (major < 15 ? 24 : 8) << 20, result.output());
            assertTrue(skippedBlocks(result) > 50, result.output());
            assertTrue(FROM_INDEX.matcher(result.output()).find(), result.output());
            kept.forEach((name, content) -> assertEquals(content, read(old, name), name));
            assertFalse(segments(old.dataDirectory()).stream().anyMatch(path -> path.getFileName().toString().startsWith("00000002")));
            startAfterRewind(old);
            now.execute("INSERT INTO t VALUES ('after', 1, '')");
            servers.awaitReplay(now, old);
            assertEquals(content(now), content(old));
            Await.until("the standby to be on its slot", LIMIT, () -> old.query("SELECT slot_name || ' ' || sender_port FROM pg_stat_wal_receiver"), ("old " + relay.port())::equals);
            assertEquals("0", now.query("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'old'"));
            assertReported(relay);
            assertEquals(asksForPasswords(major), old.query("SHOW primary_conninfo").contains("user=" + ROLE));
            if (major == 15) {
                withoutStreaming(servers, relay);
            }
        }
    }

    /** On this version the source is a data directory, and so the relay's upstream is away. */
    private static boolean isStopped(int major) {
        return major == 13;
    }

    private static String[] arguments(int major, RelayProcess relay, LocalPostgres now) {
        List<String> arguments = new ArrayList<>(List.of("-R", "--relay", relays(major, relay), "--relay-slot", "old", "--format", "json"));
        arguments.addAll(isStopped(major)
                ? List.of("--source-pgdata", now.dataDirectory().toString())
                : List.of("--source-server", asksForPasswords(major) ? throughTheRelay(relay) : now.conninfo()));
        if (!isStopped(major)) {
            arguments.add("--checkpoint");
        }
        if (copiesConfiguration(major)) {
            arguments.add("--copy-config");
        }
        return arguments.toArray(String[]::new);
    }

    /** On this version a second one is away, as during an upgrade: what the first has is enough. */
    private static String relays(int major, RelayProcess relay) {
        return major == 18 ? relay.url() + ",http://127.0.0.1:1" : relay.url();
    }

    /** Each has its own. */
    private static final List<String> OWN_FILES = List.of("walrelay.conf", "server.key");

    /** On this version with --copy-config, as pg_rewind does it. */
    private static boolean copiesConfiguration(int major) {
        return major == 14;
    }

    private static void makeKeys(LocalPostgres... servers) throws IOException {
        for (LocalPostgres server : servers) {
            Path key = Files.writeString(server.dataDirectory().resolve("server.key"), server.name());
            Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("r--------"));
            Files.setOwner(key, Files.getOwner(server.dataDirectory()));
        }
    }

    private static String read(LocalPostgres server, String name) {
        try {
            return Files.readString(server.dataDirectory().resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** On this version the source is asked through the relay, at the address that the rewound server streams from, by a role with a password. */
    private static boolean asksForPasswords(int major) {
        return major == 18;
    }

    private RelayProcess relay(LocalPostgres upstream, int major) {
        RelayProcess relay = relayOf(upstream, directory.resolve("relay"));
        return asksForPasswords(major)
                ? relay.with("WALRELAY_LISTEN_HBA", "host all,replication %s 127.0.0.1/32 scram-sha-256".formatted(ROLE))
                        .with(
                                "WALRELAY_LISTEN_USERS_AUTH_QUERY_QUERY",
                                "SELECT rolname, rolpassword, rolreplication, rolcanlogin, NULL::timestamptz FROM pg_authid WHERE rolname = $1")
                : relay;
    }

    /** With no more rights than a rewind needs. */
    private static void makeRole(LocalPostgres old, LocalPostgres now) throws IOException {
        old.execute(
                "CREATE ROLE %s LOGIN REPLICATION PASSWORD '%s' IN ROLE pg_checkpoint".formatted(ROLE, PASSWORD),
                "GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text),"
                        + " pg_read_binary_file(text, bigint, bigint, boolean) TO " + ROLE);
        Path rules = now.dataDirectory().resolve("pg_hba.conf");
        Files.writeString(rules, "host all,replication %s 127.0.0.1/32 scram-sha-256\n".formatted(ROLE) + Files.readString(rules));
        now.reload();
    }

    private static String throughTheRelay(RelayProcess relay) {
        return "host=127.0.0.1 port=%d user=%s password='%s' dbname=postgres".formatted(relay.port(), ROLE, PASSWORD);
    }

    /** It is promoted by mistake, and comes back as a server that only restores: the relay serves its restore_command. */
    private void withoutStreaming(TwoServers servers, RelayProcess relay) throws IOException {
        LocalPostgres old = servers.old;
        LocalPostgres now = servers.standby;
        old.execute("ALTER SYSTEM RESET primary_conninfo", "ALTER SYSTEM RESET primary_slot_name");
        promote(old);
        diverge(old, "mistake");
        diverge(now, "newer");
        stop(old);
        awaitRelay(now);
        String[] arguments = {"--source-server", now.conninfo(), "--relay", relay.url(), "--relay-slot", "restoring"};

        Programs.Result refused = rewind(old, arguments);

        assertEquals(1, refused.status(), refused.output());
        assertTrue(refused.output().contains("the target has no restore_command by which it could get it"), refused.output());

        old.set("restore_command", "%s restore --relay %s %%f %%p".formatted(WalrelayCommand.shellCommand(), relay.url()));
        Programs.Result result = rewind(old, arguments);

        assertEquals(0, result.status(), result.output());
        assertTrue(result.output().contains("before its server starts the target needs standby.signal"), result.output());
        assertTrue(result.output().contains("walrelay slot drop restoring"), result.output());
        Files.createFile(old.dataDirectory().resolve("standby.signal"));
        now.execute("INSERT INTO t VALUES ('restored', 1, '')", "SELECT pg_switch_wal()");
        Lsn end = now.flushedLsn();
        old.start();
        old.awaitReplay(end, LIMIT);
        assertEquals(content(now), content(old));
    }

    /**
     * Why pg_wal is part of the plan: what the target had in it is put back after the rewind. PostgreSQL takes the orphan's WAL for the lineage's,
     * replays it past the fork, and opens with the orphan's rows as if all were well.
     */
    @Test
    void leftInPlaceTheOrphansWalWouldBeReplayed() throws IOException {
        try (TwoServers servers = TwoServers.of(Servers.version(15));
                RelayProcess relay = relayBehind(servers.standby, directory.resolve("relay"))) {
            LocalPostgres old = servers.old;
            LocalPostgres now = servers.standby;
            promote(now);
            now.execute("INSERT INTO t VALUES ('new', 1, '')");
            // Longer than the lineage: what the server needs to be consistent it has before the orphan ends.
            old.execute("INSERT INTO t SELECT 'orphan', i, repeat('y', 200) FROM generate_series(1, 1000) i");
            stop(old);
            awaitRelay(now);
            Path wal = old.dataDirectory().resolve("pg_wal");
            Path kept = Files.createDirectory(directory.resolve("kept"));
            for (Path segment : segments(old.dataDirectory())) {
                Files.copy(segment, kept.resolve(segment.getFileName()));
            }
            assertEquals(0, rewindThrough(relay, old, now).status());
            try (Stream<Path> segments = Files.list(kept)) {
                for (Path segment : segments.toList()) {
                    Files.copy(segment, wal.resolve(segment.getFileName()), StandardCopyOption.REPLACE_EXISTING);
                }
            }

            old.start();

            assertEquals("both orphan", who(old));
            assertEquals("both new", who(now));
        }
    }

    private static void assertReported(RelayProcess relay) {
        Pattern event = Pattern.compile("\"kind\":\"rewind\",\"text\":\"[^}]*slot \\\\\"old\\\\\": its replay starts at 0/");
        Await.until("the event of the rewind", LIMIT, () -> relay.get("/api/v1/status").body(), status -> event.matcher(status).find());
    }

    /** One of them crashes: where its WAL ends is found from what the index proves on. */
    private static void end(LocalPostgres old, int major) {
        if (major == 15) {
            old.kill();
        } else {
            stop(old);
        }
    }

    /** Until all segments are indexed up to the one in which timeline 2 begins: what came before the relay looked at it is indexed later. */
    private static void awaitIndex(RelayProcess relay) {
        List<String> wanted = List.of("000000010000000000000002", "000000010000000000000003", "000000010000000000000004", "000000010000000000000005", "00000002");
        Await.until(
                "the relay's change index",
                LIMIT,
                () -> relay.get("/api/v1/segments?timeline=2&from=0/1000000&to=0/20000000").body(),
                body -> wanted.stream().allMatch(body::contains));
    }

    private static List<Path> segments(Path data) {
        try (Stream<Path> files = Files.list(data.resolve("pg_wal"))) {
            return files.filter(path -> path.getFileName().toString().matches("[0-9A-F]{24}")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
