package io.walrelay.proxy.docs;

import io.walrelay.proxy.testkit.ManualScript;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** docs/operate.md's commands, in {@code src/test/manual/operate.sh}. */
final class OperatePageIT {

    @TempDir
    private Path playground;

    @Test
    void thePagesCommandsDoWhatTheySay() throws IOException {
        new ManualScript("operate.sh").run(playground, Duration.ofMinutes(3));
    }
}
