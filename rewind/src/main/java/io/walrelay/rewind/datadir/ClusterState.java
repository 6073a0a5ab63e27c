package io.walrelay.rewind.datadir;

import java.util.Optional;

/** What a server was doing when it last wrote its control file (PostgreSQL: pg_control.h, DBState). */
public enum ClusterState {
    STARTUP(0, "starting up"),
    SHUTDOWNED(1, "shut down"),
    SHUTDOWNED_IN_RECOVERY(2, "shut down in recovery"),
    SHUTDOWNING(3, "shutting down"),
    IN_CRASH_RECOVERY(4, "in crash recovery"),
    IN_ARCHIVE_RECOVERY(5, "in archive recovery"),
    IN_PRODUCTION(6, "in production");

    private final int number;
    private final String words;

    ClusterState(int number, String words) {
        this.number = number;
        this.words = words;
    }

    static Optional<ClusterState> ofNumber(int number) {
        for (ClusterState state : values()) {
            if (state.number == number) {
                return Optional.of(state);
            }
        }
        return Optional.empty();
    }

    int number() {
        return number;
    }

    /** Whether nothing that was in memory only was lost: the server ended by itself. */
    public boolean isCleanlyStopped() {
        return this == SHUTDOWNED || this == SHUTDOWNED_IN_RECOVERY;
    }

    /** As pg_controldata says it. */
    @Override
    public String toString() {
        return words;
    }
}
