package io.walrelay.proxy.docs;

import io.walrelay.proxy.testkit.ManualPage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every command of docs/security.md, in their order; what the page says they print they print. */
final class SecurityIT {

    @TempDir
    private Path playground;

    @Test
    void thePagesCommandsDoWhatItSays() throws IOException {
        new ManualPage("docs/security.md").run(playground, Duration.ofMinutes(3));
    }
}
