package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.testkit.ExternalProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code walrelay demo} as a visitor runs it: a primary, the relay and two standbys, which end with equal data. */
final class DemoIT {

    @Test
    void theDemoEndsWithBothStandbysEqual() {
        try (ExternalProcess demo = ExternalProcess.start(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                "io.walrelay.proxy.cli.Main",
                "demo",
                "--seconds",
                "12",
                "--check"))) {
            int status = demo.awaitExit(Duration.ofMinutes(2));
            assertEquals(0, status, demo.output());
        }
    }
}
