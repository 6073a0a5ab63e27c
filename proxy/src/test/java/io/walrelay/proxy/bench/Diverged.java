package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * An old primary that is stopped, its standby that was promoted and runs, and a relay that streamed from the first until it stopped and from the
 * second since.
 *
 * <pre>
 *   old   1 ──C──┬── wrote on ─╳ ──▶ copies of it are rewound
 *   now          └─2── wrote ──────▶ their source
 *   relay 1 ──────────────────┴─2──▶
 * </pre>
 *
 * <p>Closing deletes all of it. Confined to one thread.
 */
final class Diverged implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofMinutes(5);
    private static final long SMALL = 64L << 20;
    private static final long RETAINED = 3L << 30;
    private static final int ROWS_AT_ONCE = 5_000;

    private final Lab lab;
    private final LocalPostgres old;
    private final LocalPostgres now;
    private final RelayServer relay;
    private String content = "";

    private Diverged(Lab lab, LocalPostgres old, LocalPostgres now, RelayServer relay) {
        this.lab = lab;
        this.old = old;
        this.now = now;
        this.relay = relay;
    }

    /** Little was written since they parted, by the old primary alone, and much WAL is kept from before. */
    static Diverged byLittle(Lab lab) {
        return of(lab, "little", 10, lab.quick() ? RETAINED / 12 : RETAINED, servers -> updateRows(servers.old, lab.quick() ? SMALL / 4 : SMALL));
    }

    /** Both took a load of small transactions all over a large table. */
    static Diverged byMuch(Lab lab) {
        Duration load = Duration.ofSeconds(lab.quick() ? 3 : 20);
        return of(lab, "much", lab.quick() ? 5 : 100, 0, servers -> {
            Pgbench.run(servers.old, 4, load);
            Pgbench.run(servers.now, 4, load);
        });
    }

    /** What is written once they have parted. */
    private interface Writing {
        void by(Diverged servers);
    }

    private static Diverged of(Lab lab, String name, int scale, long retained, Writing writing) {
        LocalPostgres old = lab.cluster("old-" + name, 20).set("wal_keep_size", retained == 0 ? "4GB" : (retained >> 20) + "MB").start();
        try {
            LocalPostgres now = LocalPostgres.standbyOf(old, old.conninfo()).name("now-" + name).in(lab.work().resolve("now-" + name)).start();
            try {
                Pgbench.initialize(old, scale);
                if (retained > 0) {
                    Lab.writeWal(old, retained);
                }
                checkpoint(old, now);
                RelayServer relay = RelayServer.between(lab, old, now, Map.of("WALRELAY_UPSTREAM_START", "oldest", "WALRELAY_UPSTREAM_ON_DIVERGENCE", "follow"));
                try {
                    Diverged servers = new Diverged(lab, old, now, relay);
                    servers.part(writing);
                    return servers;
                } catch (RuntimeException e) {
                    relay.close();
                    throw e;
                }
            } catch (RuntimeException e) {
                now.close();
                throw e;
            }
        } catch (RuntimeException e) {
            old.close();
            throw e;
        }
    }

    private static void checkpoint(LocalPostgres old, LocalPostgres now) {
        old.execute("CHECKPOINT");
        now.awaitReplay(old.flushedLsn(), LIMIT);
        now.execute("CHECKPOINT");
    }

    private void part(Writing writing) {
        now.promote();
        now.execute("CHECKPOINT", "CREATE TABLE arrived (n int)");
        writing.by(this);
        relay.awaitFlushed(old, old.flushedLsn());
        old.stop(StopMode.FAST);
        relay.awaitFlushed(now, now.flushedLsn());
        content = content(now);
        // Dirty buffers are no part of what is compared, and a copy must find the files in the page cache.
        now.execute("CHECKPOINT");
    }

    /** As rows that were there before the servers parted. */
    private static void updateRows(LocalPostgres server, long bytes) {
        Lsn goal = server.flushedLsn().plus(bytes);
        for (int first = 1; server.flushedLsn().isBefore(goal); first += ROWS_AT_ONCE) {
            server.execute("UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid BETWEEN %d AND %d".formatted(first, first + ROWS_AT_ONCE - 1));
        }
    }

    /** Of which a difference in any row would be seen. */
    private static String content(LocalPostgres server) {
        return server.query(
                """
                SELECT (SELECT count(*) || ' ' || sum(abalance) || ' ' || sum(aid::bigint * abalance) || ' ' || sum(hashtext(filler)::bigint) FROM pgbench_accounts)
                    || ' ' || (SELECT count(*) || ' ' || coalesce(sum(aid::bigint * delta), 0) FROM pgbench_history)""");
    }

    LocalPostgres source() {
        return now;
    }

    RelayServer relay() {
        return relay;
    }

    /** A copy of the old primary, stopped. The caller closes it. */
    LocalPostgres copy(String name) {
        Path directory = lab.work().resolve(name);
        LocalPostgres copy = LocalPostgres.standbyOf(now, "")
                .name(name)
                .in(directory)
                .copiedBy((_, target) -> Lab.millis(List.of("cp", "-a", "--reflink=auto", old.dataDirectory().toString(), target.toString())))
                .create();
        // What was made here is not to be written while something is measured, and what is read there is in the page cache.
        Lab.settle();
        Lab.millis(List.of("sh", "-c", "find \"$1\" \"$2\" -type f -exec cat {} + >/dev/null", "sh", now.dataDirectory().toString(), copy.dataDirectory().toString()));
        return copy;
    }

    /** Fails unless a copy that was rewound starts, streams, and has what its source has. */
    void check(LocalPostgres copy) {
        // The source's configuration was copied with the rest: this puts the copy's own port and name back.
        copy.set("log_checkpoints", "on");
        copy.launch();
        copy.awaitReady(LIMIT);
        now.execute("INSERT INTO arrived VALUES (1)");
        copy.awaitReplay(now.flushedLsn(), LIMIT);
        Await.until("%s to stream".formatted(copy.name()), LIMIT, () -> copy.query("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"), "1"::equals);
        String found = content(copy);
        if (!found.equals(content)) {
            throw new IllegalStateException("%s has %s; its source has %s".formatted(copy.name(), found, content));
        }
    }

    @Override
    public void close() {
        relay.close();
        now.close();
        old.close();
    }
}
