package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RefusedException;

/** Whether two servers can be one after the other (pg_rewind.c, sanityChecks). */
public final class Preconditions {

    private Preconditions() {}

    /**
     * @param crashedTarget whether a target that was not shut down cleanly may be rewound as it is
     * @throws RefusedException with the first that is not met
     */
    public static void check(Version target, Version source, boolean sourceRuns, boolean crashedTarget) throws RefusedException {
        ControlFile ours = target.control();
        ControlFile theirs = source.control();
        if (!ours.systemId().equals(theirs.systemId())) {
            throw new RefusedException("source and target clusters are from different systems",
                    "The target's system identifier is %s, the source's %s.".formatted(ours.systemId(), theirs.systemId()));
        }
        if (target.major() != source.major() || ours.version() != theirs.version() || ours.catalogVersion() != theirs.catalogVersion()) {
            throw new RefusedException("source and target clusters are of different versions: the target of %s, the source of %s".formatted(target, source));
        }
        if (!ours.segmentSize().equals(theirs.segmentSize())) {
            throw new RefusedException("source and target clusters have WAL segments of different sizes: %s and %s".formatted(theirs.segmentSize(), ours.segmentSize()));
        }
        if (!ours.dataChecksums() && !ours.walLogHints()) {
            throw new RefusedException("target server needs to use either data checksums or \"wal_log_hints = on\"",
                    "Without them blocks may have changed that no WAL names: take a new base backup, and set wal_log_hints = on for the next time.");
        }
        if (ours.dataChecksums() != theirs.dataChecksums()) {
            // The target gets the source's control file, and keeps most of its own pages.
            throw new RefusedException("data checksums are %s in the source and %s in the target; expected the same".formatted(onOrOff(theirs), onOrOff(ours)),
                    theirs.dataChecksums()
                            ? "Enable them on the target while it is stopped: pg_checksums --enable -D followed by its directory."
                            : "Enable them on the source while it is stopped: pg_checksums --enable -D followed by its directory; or take a new base backup.");
        }
        if (!crashedTarget && !ours.state().isCleanlyStopped()) {
            throw new RefusedException("target server must be shut down cleanly",
                    "It is %s. Without --no-ensure-shutdown it is rewound as the crash left it.".formatted(ours.state()));
        }
        if (!sourceRuns && !theirs.state().isCleanlyStopped()) {
            throw new RefusedException("source data directory must be shut down cleanly", "It is %s.".formatted(theirs.state()));
        }
    }

    private static String onOrOff(ControlFile control) {
        return control.dataChecksums() ? "on" : "off";
    }

    /** Which files a server can read. */
    public record Version(ControlFile control, int major) {
        @Override
        public String toString() {
            return "PostgreSQL %d, catalog version %d, control file version %d".formatted(major, control.catalogVersion(), control.version());
        }
    }
}
