package io.walrelay.proxy.relay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.config.SettingsSources;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReloadingTest {

    @TempDir
    private Path directory;

    private Settings settings(String mode) throws Exception {
        for (String name : List.of("up.crt", "up.key", "up-ca.crt", "peers-ca.crt")) {
            Files.writeString(directory.resolve(name), "");
        }
        String upstream = "host=pg1 user=walrelay sslmode=%1$s sslcert=%2$s/up.crt sslkey=%2$s/up.key sslrootcert=%2$s/up-ca.crt".formatted(mode, directory);
        Path file = Files.writeString(
                directory.resolve("walrelay.yaml"), "peers: [\"https://relay2:8433\"]\npeers-ca: %s/peers-ca.crt\n".formatted(directory));
        return new SettingsSources(Optional.of(file), Map.of(), Map.of("--upstream", upstream, "--data", "/srv/relay"), "here", 1L << 40).conclude();
    }

    /** Each of which the metric of their ends names. */
    @Test
    void certificatesOfPeersAndOfUpstreamAreWatchedToo() throws Exception {
        assertEquals(
                List.of(directory.resolve("peers-ca.crt"), directory.resolve("up.crt"), directory.resolve("up.key"), directory.resolve("up-ca.crt")),
                Reloading.watched(settings("verify-full")));
        assertEquals(List.of(directory.resolve("peers-ca.crt")), Reloading.watched(settings("disable")));
    }
}
