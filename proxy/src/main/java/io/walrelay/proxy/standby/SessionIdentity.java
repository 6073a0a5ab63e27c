package io.walrelay.proxy.standby;

import org.jspecify.annotations.Nullable;

/**
 * Who a session is.
 *
 * @param pid unique in this process, above 0
 * @param client address and port
 * @param applicationName as the client gave it; may be empty
 */
record SessionIdentity(int pid, String user, String client, String applicationName) {

    /** How an operator knows it: application_name as in pg_stat_replication, else the slot, else the address. */
    String shownName(@Nullable String slot) {
        if (!applicationName.isEmpty()) {
            return applicationName;
        }
        return slot != null ? slot : client;
    }
}
