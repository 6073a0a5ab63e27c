package io.walrelay.proxy.cli;

import io.walrelay.proxy.auth.Hba;
import io.walrelay.proxy.cli.CheckFacts.Answer;
import io.walrelay.proxy.cli.CheckFacts.DataDirectory;
import io.walrelay.proxy.cli.CheckFacts.Replication;
import io.walrelay.proxy.cli.CheckFacts.Server;
import io.walrelay.proxy.cli.CheckFacts.Shown;
import io.walrelay.proxy.cli.CheckFacts.Slot;
import io.walrelay.proxy.cli.CheckFacts.Sql;
import io.walrelay.proxy.config.ByteSize;
import io.walrelay.proxy.config.CacheSettings;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.config.UpstreamSettings.SlotFollows;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/** Says what the facts mean for the relay; a pure function of facts and settings. */
final class Judge {

    private static final Duration TOLERATED_SKEW = Duration.ofSeconds(1);

    private final Settings settings;
    private final List<Finding> findings = new ArrayList<>();

    private Judge(Settings settings) {
        this.settings = settings;
    }

    static List<Finding> judge(CheckFacts facts, Settings settings) {
        Judge judge = new Judge(settings);
        facts.servers().forEach(judge::server);
        judge.oneCluster(facts.servers());
        judge.data(facts.data());
        judge.wal(facts);
        judge.listeners();
        return List.copyOf(judge.findings);
    }

    private void server(Server server) {
        Optional<Replication> replication = known(server.replication(), server.host() + " replication connection", Finding.Level.FAIL, Judge::wayIn);
        Optional<Sql> sql = known(server.sql(), server.host() + " SQL connection", movesSlotBySql() ? Finding.Level.FAIL : Finding.Level.WARN, _ -> withoutSql());
        // A server with wal_level minimal has no walsenders: only SQL tells why it refuses replication.
        replication.map(Replication::shown).or(() -> sql.map(Sql::shown)).ifPresent(it -> settings(server.host(), it));
        sql.ifPresent(it -> sql(server.host(), it, replication.isPresent()));
    }

    /** Where a policy holds acknowledgement back and the slot is not to follow it. */
    private boolean movesSlotBySql() {
        return settings.upstream().slotFollows() == SlotFollows.OWN && settings.upstream().acknowledge().waitsForStandbys();
    }

    private String withoutSql() {
        return movesSlotBySql()
                ? "upstream.slot-follows = own moves the slot by SQL; walrelay setup-sql --slot-follows-own prints the pg_hba.conf line"
                : "not checked: role, room for a walsender and a slot, the slot, clocks; the relay itself streams without it";
    }

    private <T> Optional<T> known(Answer<T> answer, String what, Finding.Level otherwise, Function<String, String> hint) {
        return switch (answer) {
            case Answer.Known<T>(T value) -> {
                findings.add(Finding.ok(what, "connected", "a connection"));
                yield Optional.of(value);
            }
            case Answer.Unknown<T>(String reason, String sqlState) -> {
                findings.add(new Finding(otherwise, what, reason, "a connection", Optional.of(hint.apply(sqlState))));
                yield Optional.empty();
            }
        };
    }

    /** With which pgjdbc says that the server wants a password and it has none, or that it wants TLS and the server has none. */
    private static final String REFUSED_BY_DRIVER = "08004";

    /** What to do about a connection that was refused with this SQLSTATE (PostgreSQL: errcodes.txt). */
    private static String wayIn(String sqlState) {
        String password = "the password is that of passfile= or password= in upstream.conninfo, PGPASSWORD, PGPASSFILE or ~/.pgpass; walrelay setup-sql prints how to set it";
        if (sqlState.equals("28P01")) {
            return password;
        }
        if (sqlState.equals(REFUSED_BY_DRIVER)) {
            return "TLS is as sslmode= in upstream.conninfo says; " + password;
        }
        return switch (sqlState.length() == 5 ? sqlState.substring(0, 2) : "") {
            case "08" -> "host, port and TLS are those of upstream.conninfo; is the server up, and does listen_addresses name that address?";
            case "53" -> "the server has no connection left for the relay; see max_wal_senders and max_connections";
            default -> "walrelay setup-sql prints the role and the pg_hba.conf line";
        };
    }

    private void settings(String host, Shown it) {
        int version = number(it.setting("server_version_num")) / 10_000;
        add(version >= 13 && version <= 18, host + " version", it.setting("server_version"), "13 to 18", "this version is not supported");
        String level = it.setting("wal_level");
        add(
                level.equals("replica") || level.equals("logical"),
                host + " wal_level",
                level,
                "replica or logical",
                "ALTER SYSTEM SET wal_level = replica, then restart");
        add(it.setting("block_size").equals("8192"), host + " block_size", it.setting("block_size"), "8192", "other block sizes are not supported");
        add(
                it.setting("wal_block_size").equals("8192"),
                host + " wal_block_size",
                it.setting("wal_block_size"),
                "8192",
                "other block sizes are not supported");
        segments(host + " wal_segment_size", it.setting("wal_segment_size"));
        String keep = it.setting("max_slot_wal_keep_size");
        if (keep.equals("-1")) {
            findings.add(Finding.warn(
                    host + " max_slot_wal_keep_size", keep, "a limit", "without one, a relay that is away for long fills this server's disk"));
        } else {
            findings.add(Finding.ok(host + " max_slot_wal_keep_size", keep, "a limit"));
        }
        boolean waitsForApply = !it.setting("synchronous_standby_names").isEmpty() && it.setting("synchronous_commit").equals("remote_apply");
        if (waitsForApply && !settings.upstream().acknowledge().waitsForStandbys()) {
            findings.add(Finding.warn(
                    host + " synchronous_commit",
                    "remote_apply with synchronous_standby_names = " + it.setting("synchronous_standby_names"),
                    "on or remote_write, where the relay is the synchronous standby",
                    "with upstream.acknowledge = own the relay reports what it flushed, never what was applied: commits that wait for it would wait for ever"));
        }
    }

    private void segments(String what, String size) {
        String expected = "at most an eighth of cache.disk, which is %s".formatted(settings.cache().disk());
        try {
            ByteSize leastDisk = CacheSettings.leastDisk(ByteSize.parse(size));
            add(settings.cache().disk().compareTo(leastDisk) >= 0, what, size, expected, "raise cache.disk to %s or more".formatted(leastDisk));
        } catch (IllegalArgumentException e) {
            findings.add(Finding.fail(what, size, expected, String.valueOf(e.getMessage())));
        }
    }

    /** @param replicating whether one of the walsenders in use is this check's own: the one that the relay will have */
    private void sql(String host, Sql it, boolean replicating) {
        add(
                it.canReplicate(),
                host + " role",
                it.role() + (it.canReplicate() ? ", REPLICATION" : ", no REPLICATION"),
                "REPLICATION",
                "ALTER ROLE %s REPLICATION".formatted(SetupSql.identifier(it.role())));
        if (movesSlotBySql()) {
            add(
                    it.mayAdvanceSlots(),
                    host + " pg_replication_slot_advance",
                    it.mayAdvanceSlots() ? "EXECUTE" : "no EXECUTE",
                    "EXECUTE, since upstream.slot-follows = own",
                    "walrelay setup-sql --slot-follows-own prints the GRANT");
        }
        int senders = number(it.shown().setting("max_wal_senders"));
        add(
                it.walSenders() < senders || (replicating && it.walSenders() == senders),
                host + " max_wal_senders",
                "%d of %d in use".formatted(it.walSenders(), senders),
                "one for the relay",
                "raise max_wal_senders, then restart");
        int slots = number(it.shown().setting("max_replication_slots"));
        add(
                it.slot().isPresent() || it.slots() < slots,
                host + " max_replication_slots",
                "%d of %d in use".formatted(it.slots(), slots),
                "one for the relay",
                "raise max_replication_slots, then restart, or drop a slot that nobody uses");
        slot(host, it.slot());
        boolean inStep = it.skew().abs().compareTo(TOLERATED_SKEW) <= 0;
        String skew = "%d ms".formatted(it.skew().toMillis());
        findings.add(
                inStep
                        ? Finding.ok(host + " clock", skew, "at most 1 s apart")
                        : Finding.warn(host + " clock", skew, "at most 1 s apart", "lag in seconds will be off by as much; check time synchronisation"));
    }

    private void slot(String host, Optional<Slot> found) {
        String what = "%s slot %s".formatted(host, settings.upstream().slot());
        if (found.isEmpty()) {
            findings.add(Finding.ok(what, "absent", "absent or free: the relay creates it"));
            return;
        }
        Slot slot = found.get();
        if (!slot.type().equals("physical")) {
            findings.add(Finding.fail(what, slot.type(), "physical", "choose another name with upstream.slot"));
        } else if (slot.walStatus().equals("lost")) {
            findings.add(Finding.warn(
                    what, "invalidated (wal_status lost)", "reserved", "the relay will make it anew; what upstream removed since is a gap"));
        } else if (slot.active()) {
            findings.add(Finding.warn(what, "in use", "free", "right while this relay runs; if not, another one has the same upstream.slot"));
        } else {
            findings.add(Finding.ok(what, "free, wal_status " + slot.walStatus(), "absent or free"));
        }
    }

    private void oneCluster(List<Server> servers) {
        List<String> identities = servers.stream()
                .map(Server::replication)
                .flatMap(answer -> answer instanceof Answer.Known<Replication>(Replication it)
                        ? List.of("%s with segments of %s".formatted(it.systemId(), it.shown().setting("wal_segment_size"))).stream()
                        : List.<String>of().stream())
                .distinct()
                .toList();
        if (identities.size() > 1) {
            findings.add(Finding.fail(
                    "system identifier", String.join(", ", identities), "the same on all hosts", "upstream.conninfo names servers of different clusters"));
        }
    }

    private void data(DataDirectory data) {
        add(
                data.problem().isEmpty(),
                "data " + data.path(),
                data.problem().orElse("written and flushed"),
                "a directory where this user can write and fsync",
                "create it, or give --data");
        ByteSize disk = settings.cache().disk();
        if (data.problem().isEmpty()) {
            add(
                    data.used() + data.free() >= disk.bytes(),
                    "cache.disk",
                    "%d MB free, %d MB used by the relay".formatted(data.free() >> 20, data.used() >> 20),
                    "room for " + disk,
                    "make room or lower cache.disk");
        }
    }

    /** The relay refuses to follow such a server, once it runs. */
    private void wal(CheckFacts facts) {
        Optional<String> held = facts.data().systemId();
        List<String> theirs = facts.servers().stream()
                .flatMap(server -> server.replication() instanceof Answer.Known<Replication>(Replication it) ? Stream.of(it.systemId()) : Stream.empty())
                .distinct()
                .toList();
        if (held.isPresent() && !theirs.isEmpty()) {
            add(
                    theirs.equals(List.of(held.get())),
                    "WAL in " + facts.data().path(),
                    "of the cluster with system identifier " + held.get(),
                    "that of upstream, " + String.join(", ", theirs),
                    "a relay has WAL of one cluster: give another --data, or the servers of that cluster in upstream.conninfo");
        }
    }

    private void listeners() {
        boolean open = !settings.listen().address().isLoopback();
        if (open && settings.listen().hba().equals(Hba.LOOPBACK_ONLY)) {
            findings.add(Finding.warn(
                    "listen.hba",
                    "no lines, and the address is " + settings.listen().address(),
                    "lines for the standbys' addresses",
                    "without any only loopback may connect"));
        }
        if (open && settings.listen().tls().isEmpty()) {
            findings.add(Finding.warn(
                    "listen.tls", "none, and the address is " + settings.listen().address(), "a certificate", "WAL is all of the data"));
        }
    }

    private void add(boolean good, String what, String found, String expected, String hint) {
        findings.add(good ? Finding.ok(what, found, expected) : Finding.fail(what, found, expected, hint));
    }

    private static int number(String text) {
        return text.matches("\\d{1,9}") ? Integer.parseInt(text) : 0;
    }
}
