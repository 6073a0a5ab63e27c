package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.ExtendedQueryCodec;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.ExtendedQuery;
import io.walrelay.protocol.message.ExtendedQuery.Bind;
import io.walrelay.protocol.message.ExtendedQuery.Execute;
import io.walrelay.protocol.message.ExtendedQuery.Parse;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.WalCraft;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The console on its port, asked by people who mean well and by others. */
final class ConsoleTest {

    @TempDir
    Path data;

    private final WalCraft wal = WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), Lsn.parse("0/1000000"), 1).randomRecords(40, 3_000);

    private RelayFixture relay() throws Exception {
        return RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
    }

    private static FakeStandby console(RelayFixture relay, Map<String, String> more) throws Exception {
        FakeStandby client = FakeStandby.connect(relay.address());
        Map<String, String> startup = new LinkedHashMap<>(Map.of("user", "me", "database", "walrelay"));
        startup.putAll(more);
        client.startup(startup);
        return client;
    }

    private static FakeStandby console(RelayFixture relay) throws Exception {
        FakeStandby client = console(relay, Map.of());
        client.until(ReadyForQuery.class);
        return client;
    }

    private static void send(FakeStandby client, ExtendedQuery... queries) throws Exception {
        ByteBuf out = Unpooled.buffer();
        for (ExtendedQuery query : queries) {
            ExtendedQueryCodec.encode(query, out);
        }
        client.raw(ByteBufUtil.getBytes(out));
    }

    private static List<String> row(List<BackendMessage> answer) {
        return answer.stream().filter(DataRow.class::isInstance).map(m -> ((DataRow) m).values().stream().map(String::valueOf).toList()).findFirst().orElseThrow();
    }

    private static String state(List<BackendMessage> answer) {
        return answer.stream().filter(ErrorResponse.class::isInstance).map(m -> ((ErrorResponse) m).diagnostic().sqlState()).findFirst().orElse("");
    }

    @Test
    void saysWhatItsAnswersAreInWhateverWasAskedFor() throws Exception {
        try (RelayFixture relay = relay();
                FakeStandby client = console(relay, Map.of("client_encoding", "LATIN1", "TimeZone", "Europe/Berlin", "application_name", "watch"))) {
            Map<String, String> told = client.until(ReadyForQuery.class).stream()
                    .filter(ParameterStatus.class::isInstance)
                    .map(ParameterStatus.class::cast)
                    .collect(Collectors.toMap(ParameterStatus::name, ParameterStatus::value));
            assertEquals("15.18", told.get("server_version"));
            assertEquals(List.of("UTF8", "UTC", "ISO, MDY", "watch"), List.of(told.get("client_encoding"), told.get("TimeZone"), told.get("DateStyle"), told.get("application_name")));
            assertEquals(List.of("t", "me", "watch"), row(client.ask("SELECT pg_is_in_recovery(), current_user, current_setting('application_name')")));
        }
    }

    @Test
    void pipelinedMessagesAreAnsweredInTheirOrder() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = console(relay)) {
            send(client,
                    new Parse("", "SELECT slot_name FROM pg_create_physical_replication_slot($1, true)", List.of()),
                    new Bind("", "", List.of(), List.of(new byte[] {'a'}), List.of()),
                    new Execute("", 0),
                    new Parse("", "SELECT count(*) FROM pg_replication_slots", List.of()),
                    new Bind("", "", List.of(), List.of(), List.of()),
                    new Execute("", 0));
            client.send(new FrontendMessage.Sync());
            List<BackendMessage> answer = client.until(ReadyForQuery.class);
            assertEquals(List.of(List.of("a"), List.of("1")), answer.stream().filter(DataRow.class::isInstance).map(m -> ((DataRow) m).values()).toList());
            assertEquals(2, answer.stream().filter(CommandComplete.class::isInstance).count());
            assertTrue(relay.cache().slots().find("a").orElseThrow().restartLsn().isValid());
        }
    }

    @Test
    void aTemporarySlotGoesWithItsSession() throws Exception {
        try (RelayFixture relay = relay()) {
            try (FakeStandby client = console(relay)) {
                client.ask("SELECT pg_create_physical_replication_slot('t', true, true)");
                assertTrue(relay.cache().slots().find("t").isPresent());
            }
            Await.until("the slot to go", Duration.ofSeconds(10), () -> relay.cache().slots().find("t").isEmpty(), gone -> gone);
        }
    }

    @Test
    void rubbishInAMessageIsAnErrorOfThatMessage() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby client = console(relay)) {
            // A Query that is no UTF-8.
            client.raw(HexFormat.of().parseHex("510000000753FF00"));
            assertEquals("22021", state(client.until(ReadyForQuery.class)));
            // A Bind that announces 65535 values and has none.
            client.raw(HexFormat.of().parseHex("420000000A00000000FFFF"));
            client.send(new FrontendMessage.Sync());
            assertEquals("08P01", state(client.until(ReadyForQuery.class)));
            send(client, new Parse("", "SELECT * FROM pg_replication_slots WHERE restart_lsn < $1", List.of()), new Bind("", "", List.of((short) 1), List.of(new byte[] {1, 2, 3}), List.of()));
            client.send(new FrontendMessage.Sync());
            assertEquals("22P03", state(client.until(ReadyForQuery.class)));
            assertEquals("42601", state(client.ask("SELECT 'abc")));
            assertEquals("54001", state(client.ask("SELECT " + "(".repeat(50_000))));
            assertEquals("54000", state(client.ask("SELECT '" + "x".repeat(100_000) + "'")));
            assertEquals("0A000", state(client.ask("SELECT 1; DROP TABLE x; SELECT pg_drop_replication_slot('a')")));
            assertEquals(List.of("1"), row(client.ask("SELECT 1")));
        }
    }

    @Test
    void whatIsNoMessageEndsTheSessionAndNoOther() throws Exception {
        try (RelayFixture relay = relay(); FakeStandby other = console(relay)) {
            try (FakeStandby client = console(relay)) {
                client.raw(HexFormat.of().parseHex("5100FFFFFF"));
                assertEquals("08P01", client.expect(ErrorResponse.class).diagnostic().sqlState());
                assertTrue(client.isClosedByServer());
            }
            assertEquals(List.of("1"), row(other.ask("SELECT 1")));
        }
    }

    /** A failure names the seed; {@code -Dwalrelay.seed=N} replays it. */
    @Test
    void randomMessagesLeaveTheRelayAnswering() throws Exception {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        try (RelayFixture relay = relay()) {
            for (int round = 0; round < 200; round++) {
                try (FakeStandby client = console(relay)) {
                    ByteBuf out = Unpooled.buffer();
                    for (int i = random.nextInt(8); i >= 0; i--) {
                        byte[] body = new byte[random.nextInt(40)];
                        random.nextBytes(body);
                        out.writeByte("QPBDECFSHd".charAt(random.nextInt(10))).writeInt(4 + body.length).writeBytes(body);
                    }
                    client.raw(ByteBufUtil.getBytes(out));
                }
            }
            try (FakeStandby client = console(relay)) {
                assertEquals(List.of("1"), row(client.ask("SELECT 1")), "-Dwalrelay.seed=" + seed);
            }
        }
    }
}
