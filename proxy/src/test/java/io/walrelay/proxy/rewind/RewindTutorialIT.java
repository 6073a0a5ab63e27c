package io.walrelay.proxy.rewind;

import io.walrelay.proxy.testkit.ManualPage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every command of docs/rewind.md, in their order; what the page says they print they print. */
class RewindTutorialIT {

    @TempDir
    private Path playground;

    @Test
    void thePagesCommandsDoWhatItSays() throws IOException {
        new ManualPage("rewind.md").run(
                playground, "jobs -p | xargs -r kill; for d in old new; do pg_ctl -D $d -m immediate stop || :; done; tail -n 30 *.log >&2", Duration.ofMinutes(2));
    }
}
