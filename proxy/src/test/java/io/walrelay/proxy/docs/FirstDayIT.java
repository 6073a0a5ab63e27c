package io.walrelay.proxy.docs;

import io.walrelay.proxy.testkit.ManualScript;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** README.md's, configure.md's and kubernetes.md's commands, in {@code src/test/manual/first-day.sh}. */
final class FirstDayIT {

    @TempDir
    private Path playground;

    @Test
    void thePagesCommandsDoWhatTheySay() throws IOException {
        new ManualScript("first-day.sh").run(playground, Duration.ofMinutes(3));
    }
}
