package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.PostgresBinaries;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Walreceivers of several versions as standbys over TLS that they verify: by SSLRequest, and from the first byte. */
@Timeout(120)
final class TlsStandbyIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({"13, postgres", "17, direct", "18, direct"})
    void walreceiverStreamsOverVerifiedTls(int version, String negotiation) throws Exception {
        PostgresBinaries binaries = Servers.version(version);
        Certificates certificates = Certificates.in(directory);
        // Before 15 libpq compares the host with names only, never with addresses.
        Certificates.Pair server = certificates.issue("127.0.0.1");
        // Before 17 libpq does not know the word.
        String direct = negotiation.equals("direct") ? " sslnegotiation=direct" : "";
        try (LocalPostgres primary = LocalPostgres.of(binaries).name("primary").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                        .with("WALRELAY_LISTEN_HBA", "hostssl replication all 127.0.0.1/32 trust")
                        .with("WALRELAY_LISTEN_TLS_CERT", server.certificate().toString())
                        .with("WALRELAY_LISTEN_TLS_KEY", server.key().toString())
                        .startReady();
                LocalPostgres standby = LocalPostgres.standbyOf(
                                primary,
                                relay.conninfo("a") + " sslmode=verify-full sslrootcert=%s%s".formatted(certificates.authority(), direct))
                        .name("a")
                        .start()) {
            try (Ledger ledger = Ledger.on(primary, 4_000)) {
                standby.awaitReplay(primary.flushedLsn(), LIMIT);
                // Behind by more than memory: what comes from files is copied through TLS.
                standby.stop(LocalPostgres.StopMode.FAST);
                primary.execute("SELECT pg_logical_emit_message(false, 'filler', repeat(md5(i::text), 30000)) FROM generate_series(1, 50) i");
                standby.start();
                ledger.stop();
            }
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            assertEquals(Ledger.fingerprint(primary), Ledger.fingerprint(standby));
        }
    }
}
