package io.walrelay.proxy.console;

import io.walrelay.proxy.console.sql.Relation;
import io.walrelay.proxy.console.sql.SqlType;
import java.util.List;

/** What SHOW HELP says. */
final class Help {

    private record Line(String statement, String gives) {}

    private static final List<Line> LINES = List.of(
            new Line("SHOW STANDBYS", "who streams from the relay, and how far"),
            new Line("SHOW SLOTS", "the relay's slots, and what they keep"),
            new Line("SHOW UPSTREAM", "the server that the relay streams from"),
            new Line("SHOW TIMELINES", "the relay's lineage, and what lies past forks"),
            new Line("SHOW TIERS", "where the WAL lies"),
            new Line("SHOW name", "a parameter: server_version, wal_segment_size, …"),
            new Line("SELECT … FROM walrelay.standbys", "the same as relations: standbys, slots, upstream, timelines, tiers"),
            new Line("SELECT … FROM pg_stat_replication", "PostgreSQL's views: pg_stat_replication, pg_replication_slots, pg_stat_wal_receiver, pg_settings"),
            new Line("SELECT pg_last_wal_receive_lsn()", "also pg_is_in_recovery, pg_last_wal_replay_lsn, pg_wal_lsn_diff, pg_size_pretty, current_setting, version, …"),
            new Line("SELECT pg_create_physical_replication_slot(name [, immediately_reserve [, temporary]])", "makes a slot"),
            new Line("SELECT pg_copy_physical_replication_slot(source, name [, temporary])", "makes a slot that keeps what another one does"),
            new Line("SELECT pg_replication_slot_advance(name, lsn)", "moves a slot forward"),
            new Line("SELECT pg_drop_replication_slot(name)", "drops a slot"));

    private Help() {}

    static Relation relation() {
        return new Table<Line>("help").with("statement", SqlType.TEXT, Line::statement).with("gives", SqlType.TEXT, Line::gives).of(() -> LINES);
    }
}
