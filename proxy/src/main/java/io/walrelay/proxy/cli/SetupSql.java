package io.walrelay.proxy.cli;

import io.walrelay.proxy.auth.JdbcAuthQuery;

/** The script that {@code walrelay setup-sql} prints. All that is no SQL is in comments, so that it can be pasted into psql whole. */
final class SetupSql {

    private SetupSql() {}

    /**
     * @param address what goes into pg_hba.conf, in CIDR form
     * @param authQuery whether the relay is to read the verifiers of the standbys' roles
     * @param slotFollowsOwn whether the relay is to move its slot by SQL
     */
    static String script(String user, String address, boolean authQuery, boolean slotFollowsOwn) {
        String role = identifier(user);
        StringBuilder script = new StringBuilder();
        script.append("""
                -- Run on the primary as a superuser, for example: walrelay setup-sql | psql -d postgres

                -- The relay's role: LOGIN to connect, REPLICATION to stream WAL and to have a slot. Nothing else.
                CREATE ROLE %1$s LOGIN REPLICATION;
                """.formatted(role));
        if (authQuery) {
            script.append("""

                    -- The relay reads the verifiers of the standbys' roles, so that they log in to it as they do to the primary. A
                    -- verifier is no password, but is to be kept as one: only the relay's role may call the function.
                    %s
                    GRANT EXECUTE ON FUNCTION public.walrelay_auth(text) TO %s;
                    """.formatted(JdbcAuthQuery.setupSql().strip(), role));
        }
        if (slotFollowsOwn) {
            script.append("""

                    -- The relay moves its own slot by SQL. PostgreSQL lets every role with REPLICATION do so, unless the right to execute the
                    -- function was taken from PUBLIC.
                    GRANT EXECUTE ON FUNCTION pg_catalog.pg_replication_slot_advance(name, pg_lsn) TO %s;
                    """.formatted(role));
        }
        script.append("""

                -- pg_hba.conf on every server that may become the primary, above broader lines; then SELECT pg_reload_conf();
                --   host  replication  %1$s  %2$s  scram-sha-256
                """.formatted(role, address));
        if (authQuery || slotFollowsOwn) {
            script.append("--   host  postgres     %1$s  %2$s  scram-sha-256\n".formatted(role, address));
        }
        script.append("""

                -- What the server needs. wal_level, max_wal_senders and max_replication_slots change with a restart.
                --   wal_level              replica or logical
                --   max_wal_senders        one for the relay, beside those in use
                --   max_replication_slots  one for the relay, beside those in use
                --   max_slot_wal_keep_size recommended: a limit, so that a relay that is away can't fill this disk
                SELECT name, setting, unit FROM pg_settings
                WHERE name IN ('wal_level', 'max_wal_senders', 'max_replication_slots', 'max_slot_wal_keep_size') ORDER BY name;

                -- To make commits wait for the relay's disk (optional), name it as synchronous standby, by its application_name: that is
                -- its slot's name, walrelay_HOSTNAME, unless conninfo says otherwise (SELECT application_name FROM pg_stat_replication).
                -- It reports what it has flushed, never what was applied: with synchronous_commit = remote_apply commits would wait for ever,
                -- unless upstream.acknowledge names standbys.
                --   ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (walrelay_HOSTNAME)';

                -- Then, on the relay's machine:
                --   walrelay check --upstream "host=<primary> user=%1$s" --data <directory>

                -- The role's password, which goes into upstream.conninfo or a password file on the relay's machine. psql asks for it
                -- twice and sends only its verifier. It comes last because without a terminal it would read what follows.
                \\password %1$s
                """.formatted(role));
        return script.toString();
    }

    /** Quoted where SQL needs it, as quote_ident does. */
    static String identifier(String name) {
        return name.matches("[a-z_][a-z0-9_]*") ? name : '"' + name.replace("\"", "\"\"") + '"';
    }
}
