package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.BackendMessage.AuthenticationSasl;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslContinue;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.auth.JdbcAuthQuery;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How long a refusal takes must not tell whether a user exists: many attempts, in turns, so that whatever else the machine does it does to
 * all of them. Where the work is, counted instead of measured, is EqualWorkTest's in the protocol.
 */
@Tag("alone")
@Timeout(120)
final class LoginTimingIT {

    private static final Logger log = LoggerFactory.getLogger(LoginTimingIT.class);
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int WARM_UP = 50;
    private static final int ATTEMPTS = 300;

    /** An attempt that stops at the first message, or one that asks upstream, differs by more. */
    private static final double FACTOR = 1.5;

    @TempDir
    private Path directory;

    @Test
    void aStrangerIsRefusedInTheTimeOfAWrongPassword() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(18)).start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                        .with("WALRELAY_LISTEN_HBA", "host replication all 127.0.0.1/32 scram-sha-256")
                        .start()) {
            primary.execute(
                    JdbcAuthQuery.setupSql(),
                    "CREATE ROLE standby LOGIN REPLICATION PASSWORD 'right'",
                    "CREATE ROLE late LOGIN REPLICATION PASSWORD 'right' VALID UNTIL '-infinity'");
            relay.awaitReady(LIMIT);
            InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), relay.port());
            Map<String, List<Long>> times = new LinkedHashMap<>();
            for (int i = 0; i < WARM_UP + ATTEMPTS; i++) {
                for (String user : List.of("standby", "stranger", "late")) {
                    long took = attempt(address, user);
                    if (i >= WARM_UP) {
                        times.computeIfAbsent(user, _ -> new ArrayList<>()).add(took);
                    }
                }
            }
            assertFalse(relay.log().contains("could not look up user"), relay::log);
            Map<String, Long> medians = new LinkedHashMap<>();
            times.forEach((user, all) -> medians.put(user, all.stream().sorted().skip(ATTEMPTS / 2).findFirst().orElseThrow()));
            log.info("medians in ns: {}", medians);
            double wrong = medians.getOrDefault("standby", 0L);
            medians.forEach((user, median) ->
                    assertTrue(median < wrong * FACTOR && median > wrong / FACTOR, () -> "%s: medians in ns: %s".formatted(user, medians)));
        }
    }

    /** Goes through SCRAM with a proof that is wrong, which costs the client nothing; nanoseconds from connecting to the refusal. */
    private static long attempt(InetSocketAddress address, String user) throws IOException {
        long begin = System.nanoTime();
        try (FakeStandby client = FakeStandby.connect(address)) {
            client.startup(Map.of("user", user, "replication", "true"));
            client.expect(AuthenticationSasl.class);
            client.send(new AuthenticationResponse(initialResponse("n,,n=,r=abc")));
            String serverFirst = client.expect(AuthenticationSaslContinue.class).data().utf8();
            String nonce = serverFirst.substring(0, serverFirst.indexOf(','));
            String proof = Base64.getEncoder().encodeToString(new byte[32]);
            client.send(new AuthenticationResponse(Secret.utf8("c=biws,%s,p=%s".formatted(nonce, proof))));
            assertEquals("28P01", client.expect(ErrorResponse.class).diagnostic().sqlState());
            return System.nanoTime() - begin;
        }
    }

    private static Secret initialResponse(String clientFirst) {
        byte[] mechanism = "SCRAM-SHA-256\0".getBytes(StandardCharsets.US_ASCII);
        byte[] message = clientFirst.getBytes(StandardCharsets.US_ASCII);
        return Secret.of(ByteBuffer.allocate(mechanism.length + 4 + message.length).put(mechanism).putInt(message.length).put(message).array());
    }
}
