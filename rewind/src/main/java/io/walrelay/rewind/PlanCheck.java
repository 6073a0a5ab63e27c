package io.walrelay.rewind;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.rewind.datadir.RestoredWal;
import io.walrelay.rewind.plan.FileAction;
import io.walrelay.rewind.plan.RewindPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Whether a plan that is made can be carried out here. */
record PlanCheck(RewindPlan plan, RewindListener listener) {

    /**
     * Without all WAL from the replay start on the rewound server would wait for ever.
     *
     * @param archive where the target's restore_command leads, if that may be used
     */
    void requireWal(int major, Optional<RestoredWal> archive) throws IOException, RefusedException {
        if (!plan.missing().isEmpty()) {
            String first = plan.missing().getFirst();
            throw new RefusedException("pg_wal/%s is gone from both servers, and PostgreSQL %d needs it in pg_wal to come to the fork".formatted(first, major),
                    "Put it into the source's pg_wal from an archive, or from a relay: GET /wal/%s?mode=rewind".formatted(first));
        }
        if (plan.gap().isEmpty()) {
            return;
        }
        String gap = plan.gap().get();
        if (archive.isEmpty()) {
            listener.info("warning: the source has %s no more, which the rewound server has to replay: its restore_command must find it, or primary_conninfo lead to a server that has it".formatted(gap));
        } else if (!archive.get().has(gap)) {
            throw new RefusedException("the source has %s no more, which the rewound server has to replay, and restore_command does not find it".formatted(gap),
                    "Take a new base backup, or rewind with --relay from a relay that holds it.");
        }
    }

    /** A tablespace that only the source has lies at the same path here: it must be there, and must not be another server's. */
    void requireFreeTablespaces(RelationPath.Names names) throws RefusedException {
        for (FileAction action : plan.actions()) {
            if (action instanceof FileAction.MakeLink(var path, var location) && path.startsWith("pg_tblspc/")) {
                Path place = Path.of(location);
                if (!Files.isDirectory(place)) {
                    throw new RefusedException("the source has a tablespace, %s, at %s, which is no directory here".formatted(path, location), "Make it, empty, for the server's user.");
                }
                if (Files.exists(place.resolve(names.versionDirectory()))) {
                    throw new RefusedException("the source has a tablespace, %s, at %s, where another server of this machine has one".formatted(path, location),
                            "Two servers can't share a tablespace: take a new base backup with pg_basebackup --tablespace-mapping.");
                }
            }
        }
    }
}
