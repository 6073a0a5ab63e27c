package io.walrelay.proxy.docs;

import io.walrelay.proxy.testkit.ManualScript;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** docs/restore.md's commands, in {@code src/test/manual/restore.sh}. */
final class RestorePageIT {

    @TempDir
    private Path playground;

    @Test
    void thePagesCommandsDoWhatTheySay() throws IOException {
        new ManualScript("restore.sh").run(playground, Duration.ofMinutes(3));
    }
}
