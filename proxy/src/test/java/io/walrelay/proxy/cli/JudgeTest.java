package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.cli.CheckFacts.Answer;
import io.walrelay.proxy.cli.CheckFacts.DataDirectory;
import io.walrelay.proxy.cli.CheckFacts.Replication;
import io.walrelay.proxy.cli.CheckFacts.Server;
import io.walrelay.proxy.cli.CheckFacts.Shown;
import io.walrelay.proxy.cli.CheckFacts.Slot;
import io.walrelay.proxy.cli.CheckFacts.Sql;
import io.walrelay.proxy.cli.Finding.Level;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.config.SettingsSources;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JudgeTest {

    private static final DataDirectory ROOMY = new DataDirectory("/d", Optional.empty(), 0, 100L << 30, Optional.empty());

    private static final Sql GOOD_SQL = sql(true, 3, 2, Optional.empty(), Duration.ofMillis(3));

    @Test
    void findsNothingWrongWithAGoodServer() throws InvalidSettingsException {
        List<Finding> findings = judge(Map.of(), GOOD_SQL, ROOMY);

        assertTrue(findings.stream().allMatch(finding -> finding.level() == Level.OK), findings.toString());
        assertEquals(15, findings.size(), findings.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "server_version_num, 120022, FAIL, pg1:5432 version",
        "server_version_num, 190000, FAIL, pg1:5432 version",
        "server_version_num, 130000, OK, pg1:5432 version",
        "wal_level, minimal, FAIL, pg1:5432 wal_level",
        "wal_level, logical, OK, pg1:5432 wal_level",
        "block_size, 16384, FAIL, pg1:5432 block_size",
        "wal_block_size, 4096, FAIL, pg1:5432 wal_block_size",
        "wal_segment_size, 1GB, OK, pg1:5432 wal_segment_size",
        "wal_segment_size, ?, FAIL, pg1:5432 wal_segment_size",
        "max_slot_wal_keep_size, -1, WARN, pg1:5432 max_slot_wal_keep_size",
        "max_wal_senders, 2, FAIL, pg1:5432 max_wal_senders",
        "max_replication_slots, 2, FAIL, pg1:5432 max_replication_slots",
        "max_replication_slots, 3, OK, pg1:5432 max_replication_slots",
        "synchronous_commit, remote_apply, WARN, pg1:5432 synchronous_commit"
    })
    void judgesASetting(String name, String value, Level level, String what) throws InvalidSettingsException {
        Map<String, String> settings = new HashMap<>(Map.of(name, value));
        if (name.equals("synchronous_commit")) {
            settings.put("synchronous_standby_names", "walrelay");
        }

        assertEquals(level, find(judge(settings, GOOD_SQL, ROOMY), what).level());
    }

    @ParameterizedTest
    @CsvSource({"physical, false, reserved, OK", "physical, true, reserved, WARN", "physical, false, lost, WARN", "logical, false, reserved, FAIL"})
    void judgesTheSlot(String type, boolean active, String status, Level level) throws InvalidSettingsException {
        Sql sql = sql(true, 1, 1, Optional.of(new Slot(type, active, status)), Duration.ZERO);

        assertEquals(level, find(judge(Map.of(), sql, ROOMY), "pg1:5432 slot relay").level());
    }

    @Test
    void needsNoFreeSlotWhenItHasOne() throws InvalidSettingsException {
        Sql sql = sql(true, 1, 2, Optional.of(new Slot("physical", false, "reserved")), Duration.ZERO);

        assertEquals(Level.OK, find(judge(Map.of("max_replication_slots", "2"), sql, ROOMY), "pg1:5432 max_replication_slots").level());
    }

    @Test
    void refusesARoleThatMayNotReplicate() throws InvalidSettingsException {
        Sql sql = sql(false, 1, 1, Optional.empty(), Duration.ZERO);

        assertEquals(Level.FAIL, find(judge(Map.of(), sql, ROOMY), "pg1:5432 role").level());
    }

    @ParameterizedTest
    @CsvSource({"1000, OK", "1001, WARN", "-1001, WARN"})
    void warnsOfClocksThatAreApart(long millis, Level level) throws InvalidSettingsException {
        Sql sql = sql(true, 1, 1, Optional.empty(), Duration.ofMillis(millis));

        assertEquals(level, find(judge(Map.of(), sql, ROOMY), "pg1:5432 clock").level());
    }

    @Test
    void onlyWarnsWhenPgHbaHasNoLineForTheDatabase() throws InvalidSettingsException {
        Server server = new Server("pg1:5432", new Answer.Known<>(replication("7", Map.of())), new Answer.Unknown<>("no pg_hba.conf entry", ""));
        List<Finding> findings = Judge.judge(new CheckFacts(List.of(server), ROOMY), settings());

        assertEquals(Level.WARN, find(findings, "pg1:5432 SQL connection").level());
        assertEquals(0, findings.stream().filter(finding -> finding.level() == Level.FAIL).count());
    }

    @Test
    void aSlotThatFollowsTheRelaysOwnNeedsSql() throws InvalidSettingsException {
        Map<String, String> policy = Map.of("WALRELAY_UPSTREAM_ACKNOWLEDGE", "any 1 (a)", "WALRELAY_UPSTREAM_SLOT_FOLLOWS", "own");
        Server unreachable = new Server("pg1:5432", new Answer.Known<>(replication("7", Map.of())), new Answer.Unknown<>("no pg_hba.conf entry", ""));
        Finding refused = find(Judge.judge(new CheckFacts(List.of(unreachable), ROOMY), settings(policy)), "pg1:5432 SQL connection");
        assertEquals(Level.FAIL, refused.level());
        assertTrue(refused.hint().orElseThrow().contains("setup-sql --slot-follows-own"), refused::toString);

        for (boolean may : new boolean[] {true, false}) {
            Sql sql = new Sql("walrelay", true, may, false, 1, 1, Optional.empty(), Duration.ZERO, shown(Map.of()));
            Server server = new Server("pg1:5432", new Answer.Known<>(replication("7", Map.of())), new Answer.Known<>(sql));
            List<Finding> findings = Judge.judge(new CheckFacts(List.of(server), ROOMY), settings(policy));
            assertEquals(may ? Level.OK : Level.FAIL, find(findings, "pg1:5432 pg_replication_slot_advance").level());
        }
    }

    @Test
    void standbysMayReplayWhatCommitsWaitFor() throws InvalidSettingsException {
        Map<String, String> shown = Map.of("synchronous_commit", "remote_apply", "synchronous_standby_names", "walrelay");
        Server server = new Server("pg1:5432", new Answer.Known<>(replication("7", shown)), new Answer.Known<>(GOOD_SQL));
        List<Finding> findings = Judge.judge(new CheckFacts(List.of(server), ROOMY), settings(Map.of("WALRELAY_UPSTREAM_ACKNOWLEDGE", "all (a)")));
        assertTrue(findings.stream().noneMatch(finding -> finding.what().equals("pg1:5432 synchronous_commit")), findings::toString);
    }

    @Test
    void failsWhenAServerCannotBeReached() throws InvalidSettingsException {
        Server server = new Server("pg1:5432", new Answer.Unknown<>("refused", ""), new Answer.Unknown<>("refused", ""));

        assertEquals(
                Level.FAIL,
                find(Judge.judge(new CheckFacts(List.of(server), ROOMY), settings()), "pg1:5432 replication connection").level());
    }

    @Test
    void saysByTheSettingsWhyAServerRefusesReplication() throws InvalidSettingsException {
        Sql sql = new Sql("walrelay", true, true, false, 0, 0, Optional.empty(), Duration.ZERO, shown(Map.of("wal_level", "minimal", "max_wal_senders", "0")));
        Server server = new Server("pg1:5432", new Answer.Unknown<>("refused", ""), new Answer.Known<>(sql));
        List<Finding> findings = Judge.judge(new CheckFacts(List.of(server), ROOMY), settings());

        assertEquals(Level.FAIL, find(findings, "pg1:5432 wal_level").level());
        assertEquals(Level.FAIL, find(findings, "pg1:5432 max_wal_senders").level());
    }

    @ParameterizedTest
    @CsvSource({"08001, listen_addresses", "53300, max_wal_senders", "28P01, setup-sql", "42501, setup-sql", "'', setup-sql"})
    void advisesByTheReasonOfTheRefusal(String sqlState, String advice) throws InvalidSettingsException {
        Server server = new Server("pg1:5432", new Answer.Unknown<>("refused", sqlState), new Answer.Unknown<>("refused", sqlState));
        Finding finding = find(Judge.judge(new CheckFacts(List.of(server), ROOMY), settings()), "pg1:5432 replication connection");

        assertTrue(finding.hint().orElse("").contains(advice), finding::toString);
    }

    @ParameterizedTest
    @CsvSource({"true, 10, OK", "false, 10, FAIL", "false, 9, OK"})
    void countsItsOwnWalsenderAsTheRelays(boolean connected, int inUse, Level level) throws InvalidSettingsException {
        Answer<Replication> replication = connected ? new Answer.Known<>(replication("7", Map.of())) : new Answer.Unknown<>("refused", "");
        Server server = new Server("pg1:5432", replication, new Answer.Known<>(sql(true, inUse, 1, Optional.empty(), Duration.ZERO)));

        assertEquals(level, find(Judge.judge(new CheckFacts(List.of(server), ROOMY), settings()), "pg1:5432 max_wal_senders").level());
    }

    @Test
    void failsWhenHostsAreOfDifferentClusters() throws InvalidSettingsException {
        List<Server> servers = List.of(
                new Server("a:1", new Answer.Known<>(replication("7", Map.of())), new Answer.Known<>(GOOD_SQL)),
                new Server("b:1", new Answer.Known<>(replication("8", Map.of())), new Answer.Known<>(GOOD_SQL)));

        assertEquals(Level.FAIL, find(Judge.judge(new CheckFacts(servers, ROOMY), settings()), "system identifier").level());
    }

    /** Else it would be found out when the relay runs, by a look at its log. */
    @ParameterizedTest
    @CsvSource({"7, OK", "8, FAIL"})
    void walThatIsThereIsThatOfUpstream(String held, Level level) throws InvalidSettingsException {
        Server server = new Server("a:1", new Answer.Known<>(replication("7", Map.of())), new Answer.Known<>(GOOD_SQL));
        Finding found = find(Judge.judge(new CheckFacts(List.of(server), new DataDirectory("/d", Optional.empty(), 0, 100L << 30, Optional.of(held))), settings()), "WAL in /d");
        assertEquals(level, found.level());
        assertEquals("of the cluster with system identifier " + held, found.found());
    }

    @Test
    void countsWhatTheRelayAlreadyHoldsAsRoom() throws InvalidSettingsException {
        DataDirectory half = new DataDirectory("/d", Optional.empty(), 30L << 30, 20L << 30, Optional.empty());
        DataDirectory small = new DataDirectory("/d", Optional.empty(), 30L << 30, (20L << 30) - 1, Optional.empty());

        assertEquals(Level.OK, find(judge(Map.of(), GOOD_SQL, half), "cache.disk").level());
        assertEquals(Level.FAIL, find(judge(Map.of(), GOOD_SQL, small), "cache.disk").level());
    }

    @ParameterizedTest
    @CsvSource({"127MB, FAIL", "128MB, OK"})
    void wantsRoomForEightSegments(String disk, Level level) throws InvalidSettingsException {
        Server server = new Server("pg1:5432", new Answer.Known<>(replication("7", Map.of())), new Answer.Known<>(GOOD_SQL));
        Finding finding = find(
                Judge.judge(new CheckFacts(List.of(server), ROOMY), settings(Map.of("WALRELAY_CACHE_DISK", disk))), "pg1:5432 wal_segment_size");

        assertEquals(level, finding.level());
        assertEquals("at most an eighth of cache.disk, which is " + disk, finding.expected());
    }

    @Test
    void printsOneLineForEachFinding() {
        assertEquals(
                "FAIL  wal_level: minimal (expected replica or logical)  change it",
                Finding.fail("wal_level", "minimal", "replica or logical", "change it").toString());
    }

    private static List<Finding> judge(Map<String, String> settings, Sql sql, DataDirectory data) throws InvalidSettingsException {
        Sql saying = new Sql(sql.role(), sql.canReplicate(), sql.mayAdvanceSlots(), sql.inRecovery(), sql.walSenders(), sql.slots(), sql.slot(), sql.skew(), shown(settings));
        Server server = new Server("pg1:5432", new Answer.Known<>(replication("7", settings)), new Answer.Known<>(saying));
        return Judge.judge(new CheckFacts(List.of(server), data), settings());
    }

    private static Sql sql(boolean canReplicate, int walSenders, int slots, Optional<Slot> slot, Duration skew) {
        return new Sql("walrelay", canReplicate, true, false, walSenders, slots, slot, skew, shown(Map.of()));
    }

    private static Replication replication(String systemId, Map<String, String> changed) {
        return new Replication(systemId, 1, shown(changed));
    }

    private static Shown shown(Map<String, String> changed) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "server_version", "15.9",
                "server_version_num", "150009",
                "wal_level", "replica",
                "max_wal_senders", "10",
                "max_replication_slots", "10",
                "max_slot_wal_keep_size", "100GB",
                "block_size", "8192",
                "wal_block_size", "8192",
                "wal_segment_size", "16MB"));
        settings.put("synchronous_commit", "on");
        settings.put("synchronous_standby_names", "");
        settings.putAll(changed);
        return new Shown(settings);
    }

    private static Settings settings() throws InvalidSettingsException {
        return settings(Map.of());
    }

    private static Settings settings(Map<String, String> environment) throws InvalidSettingsException {
        return new SettingsSources(Optional.empty(), environment, Map.of("--upstream", "host=pg1 user=u", "--slot", "relay"), "h", 1L << 40).conclude();
    }

    private static Finding find(List<Finding> findings, String what) {
        return findings.stream().filter(finding -> finding.what().equals(what)).findFirst().orElseThrow();
    }
}
