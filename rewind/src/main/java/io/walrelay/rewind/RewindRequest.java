package io.walrelay.rewind;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What is wanted.
 *
 * @param target the data directory to change
 * @param crashedTarget whether a target that was not shut down cleanly is rewound as it is
 * @param restoreTargetWal whether the target's restore_command may fetch its older WAL
 * @param configFile where the target's configuration lies, when outside of its directory; it matters for restore_command only
 * @param dryRun nothing is changed
 * @param standbyOf settings that make the target a standby of the source, for its postgresql.auto.conf; empty when it stays what it is
 * @param relay from where the rewound server will stream, or its restore_command fetch; without one WAL is copied
 * @param copyConfiguration whether the source's configuration files, and what else is not PostgreSQL's own, replace the target's
 * @param journal where the old state is kept until the end; empty for beside the target
 * @param environment for PATH
 */
public record RewindRequest(
        Path target,
        boolean crashedTarget,
        boolean restoreTargetWal,
        Optional<Path> configFile,
        boolean dryRun,
        Optional<String> standbyOf,
        Optional<HeldWal> relay,
        boolean copyConfiguration,
        Optional<Path> journal,
        Map<String, String> environment) {

    public RewindRequest {
        environment = Map.copyOf(environment);
    }
}
