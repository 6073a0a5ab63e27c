package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.EndOfWal;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An upstream standby whose WAL ends inside a record, since the rest has not come from its primary:
 *
 * <pre>
 *   primary   ──────[═══ one record ═══════════]──▶
 *   standby   ──────[═══ one rec│    sent to the relay up to here; acknowledged up to [
 * </pre>
 */
@Timeout(90)
class HalfRecordIT {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {13, 15, 18})
    void doesNotKeepTheStandbyFromShuttingDown(int major) throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(major)).start();
                FaultProxy network = FaultProxy.to(primary.port());
                LocalPostgres standby = LocalPostgres.standbyOf(
                                primary, "host=127.0.0.1 port=%d user=postgres sslmode=disable".formatted(network.port()))
                        .copyWal()
                        .start();
                TestLink relay = TestLink.start(directory.resolve("data"), TestLink.of(standby))) {
            relay.awaitStreaming();
            Lsn whole = relay.awaitAllOfStandby(standby, primary.flushedLsn());
            network.throttle(FaultProxy.Direction.TO_CLIENT, 2 << 20);
            primary.execute("SELECT pg_logical_emit_message(false, 'x', repeat('x', 20000000))", "CREATE TABLE t (i int)");
            Await.until("a part of the record", TestLink.SOON, () -> relay.cache().end().written(), lsn -> lsn.minus(whole) > 1 << 20);
            network.pause(FaultProxy.Direction.TO_CLIENT);
            Await.until("the relay to have what the standby has, durably", TestLink.SOON, () -> {
                EndOfWal end = relay.cache().end();
                return end.flushed().equals(Lsn.parse(standby.query("SELECT pg_last_wal_receive_lsn()")));
            });
            EndOfWal end = relay.cache().end();
            assertTrue(end.acknowledgeable().isBefore(end.written()), end::toString);

            standby.stop(StopMode.FAST);
            assertEquals(end.acknowledgeable(), relay.state.upstream().acknowledged());
            assertFalse(relay.events().toString().contains("no message for"), relay.events()::toString);

            network.throttle(FaultProxy.Direction.TO_CLIENT, Long.MAX_VALUE);
            network.resume(FaultProxy.Direction.TO_CLIENT);
            standby.start();
            relay.awaitAllOfStandby(standby, primary.flushedLsn());
            relay.assertSameWal(primary);
        }
    }
}
