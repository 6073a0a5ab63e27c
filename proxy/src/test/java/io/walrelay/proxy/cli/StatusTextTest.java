package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.http.Horizon;
import io.walrelay.proxy.http.SlotSyncReport;
import io.walrelay.proxy.http.HotStandby;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.http.StatusReport.Stage;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

class StatusTextTest {

    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");

    @Test
    void fitsATerminal() {
        assertEquals(
                """
                walrelay 0.1.0  up 1h 2min  NOT READY
                  disk: the relay's disk is full

                upstream   pg1:5432  streaming for 1min 30s, last heard of 250ms ago
                           a relay, behind pg0:5432
                           end 0/1011000  behind 4.0kB  acknowledged 0/100F000
                           acknowledge all (a, b): written 0/1010000  flushed 0/100F000  replayed -
                             a  connected: written 0/1010000  flushed 0/1010000  replayed 0/100C000
                             b  away: written -  flushed 0/100F000  replayed -  waited for
                           COMMITS HAVE WAITED for b: 3.0s
                wal        timeline 2  written 0/1010000  flushed 0/1010000  oldest 0/1000000
                           memory 64.0kB  disk 1.0MB
                           the disk keeps WAL from 0/100C000 on for slot "a"
                           standbys need max_connections 200, max_worker_processes 8 from 0/1009000 on; wal_level replica
                           too many subtransactions at 0/100A000: a standby that starts there has to wait until it answers queries
                           rows removed up to transaction 4294968186, Heap2/PRUNE at 0/100B000, 1min 1s ago
                           orphan of timeline 1-00000000 from 0/F000000 to 0/F000100, ACKNOWLEDGED: commits may be lost
                archive    from 0/F000000  archived 0/1000000  waiting 2 files
                           NOTHING IS ARCHIVED: s3://b can't be asked
                           keeps WAL for 7d 0h, and from 0/F000028 on for pin "weekly"
                           imports /mnt/old: 90 files, 40 imported, 3 there already, 0 beside others, 1 refused, 0 unreadable

                standby  state                            slot  client         sent lag  write lag  flush lag   replay lag
                a        streaming, delayed for 1min 30s  a     10.0.0.7:5000  0B        4.0kB 5ms  8.0kB 20ms  16.0kB

                slot  active                  restart    retained  may hold  wal_status
                a     yes                     0/100C000  16.0kB    64.0kB    reserved
                b     at https://relay2:8433  -          -         -         -

                failover slot of upstream  database  restart    confirmed  retained  invalidated
                sub                        shop      0/100B000  0/100B080  20.0kB    no
                FAILOVER SLOTS CAN'T BE READ: pg1:5432: no entry
                NO SLOT IS SYNCHRONISED to the standby of slot "b": upstream.acknowledge is own

                the primary keeps xmin 4294967999, 50000001 transactions back, for slot "a"; CAPPED: upstream is told 4294968000
                the primary keeps catalog_xmin 4344967000 for standby "a"

                held back  delay    rate      paused  released
                a          1h 0min  50.0MB/s  yes     0/100F000

                peer                 state          slots  last answer  problem
                https://relay2:8433  away for 5.0s  1      7.0s ago     no answer

                1.0s ago  info  connected: streaming from pg1:5432
                """,
                StatusText.render(report("a")));
    }

    @Test
    void coloursChangeNoWord() {
        String coloured = StatusText.render(report("a"), true);
        assertEquals(StatusText.render(report("a")), coloured.replaceAll("\u001b\\[[0-9;]*m", "").replaceAll("(?m) +$", ""));
    }

    @Test
    void whatSomebodyHasToLookAtStandsOut() {
        String text = StatusText.render(report("a"), true);
        for (String bad : List.of("NOT READY", "           NOTHING IS ARCHIVED: s3://b can't be asked", "           COMMITS HAVE WAITED for b: 3.0s")) {
            assertTrue(text.contains(Ink.BAD.paint(bad)), text);
        }
        assertTrue(text.contains(Ink.WARNING.paint("streaming, delayed for 1min 30s")), text);
        assertTrue(text.contains(Ink.GOOD.paint("streaming") + " for 1min 30s"), text);
        assertTrue(text.contains(Ink.FAINT.paint("info") + "  connected: "), text);
    }

    @ParameterizedTest
    @CsvSource(value = {"true, '', xterm, true", "true, 1, xterm, false", "false, '', xterm, false", "true, '', dumb, false"})
    void coloursAreForTerminalsOfThoseWhoWantThem(boolean terminal, String noColor, String term, boolean colours) {
        assertEquals(colours, Terminal.colours(terminal, Map.of("NO_COLOR", noColor, "TERM", term)));
        assertEquals(terminal, Terminal.colours(terminal, Map.of()));
    }

    @Test
    void aStandbysNameBringsNoColoursOfItsOwn() {
        String text = StatusText.render(report("a\u001b[32mstreaming\u009b1m\u202e"), true);
        assertTrue(text.contains("a?[32mstreaming?1m?"), text);
    }

    @Test
    void jsonIsTheSameForAProgramAndHarmlessForATerminal() {
        String name = "a\u009b2J\u202e\uDB40\uDC01";
        String printed = Piece.escaped(JsonMapper.shared().writeValueAsString(name));
        assertTrue(printed.chars().allMatch(c -> c >= ' ' && c < 127), printed);
        assertEquals(name, JsonMapper.shared().readValue(printed, String.class));
    }

    @Test
    void printsNoControlCharactersOfOthers() {
        String text = StatusText.render(report("a\u001b[2J\nforged line"));
        assertFalse(text.contains("\u001b"), text);
        assertFalse(text.lines().anyMatch(line -> line.startsWith("forged")), text);
    }

    @ParameterizedTest
    @CsvSource({"0, 0B", "1023, 1023B", "1024, 1.0kB", "104857600, 100MB", "53687091200, 50.0GB"})
    void writesSizesAsPostgresDoes(long bytes, String text) {
        assertEquals(text, StatusText.size(bytes));
    }

    @ParameterizedTest
    @CsvSource({"0.0204, 20ms", "1.26, 1.3s", "59.9, 59.9s", "61, 1min 1s", "7260, 2h 1min", "90000, 1d 1h"})
    void writesTimesByTheirLargestUnits(double seconds, String text) {
        assertEquals(text, StatusText.time(seconds));
    }

    private static HotStandby hotStandby() {
        Map<String, Integer> minimums = new LinkedHashMap<>();
        minimums.put("max_connections", 200);
        minimums.put("max_worker_processes", 8);
        HotStandby.Snapshot overflowed = new HotStandby.Snapshot("0/100A000", Optional.empty(), true, 1, 0, 700, 900);
        return new HotStandby(
                List.of(new HotStandby.Parameters(Optional.of("0/1009000"), Optional.of(NOW), minimums, "replica", false, false)),
                Optional.of(overflowed),
                Optional.of(overflowed),
                Optional.of(new HotStandby.Removal(
                        "0/100B000", Optional.of(NOW.minusSeconds(61)), "Heap2/PRUNE", "1663/5/16384", 5, 890, Optional.of("4294968186"))),
                Optional.of("4294968196"));
    }

    private static StatusReport report(String standby) {
        return new StatusReport(
                "0.1.0",
                NOW,
                3_723,
                false,
                Map.of("disk", "the relay's disk is full"),
                new StatusReport.Advertised(Optional.empty(), Optional.empty()),
                new StatusReport.Upstream(
                        "streaming", Optional.of("pg1:5432"), Optional.of(new StatusReport.Beyond(List.of("pg0:5432"), true)), NOW.minusSeconds(90), Optional.empty(), Optional.empty(), Optional.of("0/1010000"),
                        Optional.of("0/1011000"), Optional.of("0/100F000"), Optional.of(4_096L), Optional.of(NOW.minusMillis(250)), Optional.empty()),
                Optional.of(new StatusReport.Acknowledge(
                        "all (a, b)", Optional.of("0/1010000"), Optional.of("0/100F000"), Optional.empty(), Optional.of(4_096L), Optional.of(NOW.minusSeconds(3)), List.of("b"),
                        List.of(
                                new StatusReport.Member("a", true, Optional.of("0/1010000"), Optional.of("0/1010000"), Optional.of("0/100C000"), false),
                                new StatusReport.Member("b", false, Optional.empty(), Optional.of("0/100F000"), Optional.empty(), true)))),
                Optional.of(new StatusReport.Wal(
                        2, "2@0/F000000-00000000", 1 << 20, "0/1000000", "0/1010000", "0/1010000", "0/1010000", "0/1010000", 65_536, 1 << 20,
                        Optional.of(new Horizon("slot", Optional.of("a"), "0/100C000")), List.of(), List.of(new StatusReport.OrphanedWal("1-00000000", "0/F000000", "0/F000100", true)),
                        hotStandby())),
                Optional.of(new StatusReport.Archive(
                        "0/F000000", "0/1000000", 2, Optional.of("s3://b can't be asked"), Optional.of(604_800.0),
                        Optional.of(new Horizon("pin", Optional.of("weekly"), "0/F000028")), 7, Optional.empty(),
                        Optional.of(new StatusReport.Import("/mnt/old", false, 90, 40, 3, 0, 1, 0, Optional.empty())))),
                List.of(new StatusReport.Standby(
                        41, standby, "repl", "10.0.0.7:5000", false, Optional.of("a"), "streaming", NOW, Optional.of(2L),
                        new Stage(Optional.of("0/1010000"), Optional.of(0L), Optional.empty()),
                        new Stage(Optional.of("0/100F000"), Optional.of(4_096L), Optional.of(0.005)),
                        new Stage(Optional.of("0/100E000"), Optional.of(8_192L), Optional.of(0.02)),
                        new Stage(Optional.of("0/100C000"), Optional.of(16_384L), Optional.empty()),
                        Optional.empty(), 0, 49_152, Optional.of(new StatusReport.Held("delayed", Optional.of(NOW.plusSeconds(90)))))),
                List.of(
                        new StatusReport.Slot(
                                "a", false, Optional.of(41), Optional.empty(), Optional.of("0/100C000"), Optional.empty(), Optional.of(16_384L),
                                Optional.of(49_152L), Optional.of("reserved"), Optional.of("4294967999"), Optional.empty(), Optional.empty()),
                        new StatusReport.Slot(
                                "b", false, Optional.empty(), Optional.of(NOW.minusSeconds(90)), Optional.empty(), Optional.empty(), Optional.empty(),
                                Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.of("https://relay2:8433"))),
                new SlotSyncReport(
                        Optional.of(NOW),
                        Optional.of("pg1:5432: no entry"),
                        List.of(new SlotSyncReport.FailoverSlot(
                                "sub", "pgoutput", "shop", false, Optional.of("0/100B000"), Optional.of("0/100B080"), Optional.of(750L), Optional.of(20_480L), Optional.empty())),
                        List.of(
                                new SlotSyncReport.Asked("a", NOW, true, Optional.empty()),
                                new SlotSyncReport.Asked("b", NOW, false, Optional.of("upstream.acknowledge is own")))),
                new StatusReport.Feedback(
                        Optional.of("4344968000"),
                        new StatusReport.XidHorizon(
                                Optional.of("4294968000"), Optional.of(new StatusReport.XidHold("slot", "a", "4294967999", Optional.of(50_000_001L))), true, List.of()),
                        new StatusReport.XidHorizon(
                                Optional.of("4344967000"), Optional.of(new StatusReport.XidHold("standby", standby, "4344967000", Optional.empty())), false, List.of())),
                List.of(new StatusReport.Shape("a", Optional.of(3_600.0), Optional.of(52_428_800L), true, Optional.of("0/100F000"), Optional.empty())),
                List.of(new StatusReport.Peer("https://relay2:8433", "away", NOW.minusSeconds(5), Optional.of(NOW.minusSeconds(7)), Optional.of("no answer"), 1)),
                List.of(new StatusReport.RecentEvent(NOW.minusSeconds(1), "info", "connected", "streaming from pg1:5432")));
    }
}
