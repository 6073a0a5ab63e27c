package io.walrelay.proxy.docs;

import io.walrelay.proxy.testkit.ManualPage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every command of docs/migrate.md, in their order; what the page says they print they print. */
final class MigrateIT {

    @TempDir
    private Path playground;

    @Test
    void thePagesCommandsDoWhatItSays() throws IOException {
        new ManualPage("docs/migrate.md").run(playground, Duration.ofMinutes(3));
    }
}
