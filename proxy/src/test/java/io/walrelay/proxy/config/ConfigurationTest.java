package io.walrelay.proxy.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ConfigurationTest {

    @TempDir
    private Path directory;

    private Configuration read(String yaml) throws IOException, InvalidSettingsException {
        Path file = Files.writeString(directory.resolve("walrelay.yaml"), yaml);
        return new SettingsSources(Optional.of(file), Map.of(), Map.of("--upstream", "host=pg1 user=walrelay", "--data", "/srv/relay"), "here", 1L << 40).configuration();
    }

    @Test
    void takesUpWhoMayComeInAndLeavesTheRest() throws Exception {
        Configuration first = read("""
                listen: {hba: [host replication all 10.0.0.0/8 scram-sha-256]}
                http: {tokens: [{token: old}]}
                cache: {disk: 1GB}
                """);
        Configuration second = read("""
                listen: {address: "127.0.0.1:7000", hba: [host replication all 10.1.0.0/16 scram-sha-256]}
                http: {tokens: [{token: new}, {token: reader, read-only: true}]}
                standbys: {max-write-rate: 100}
                """);

        assertEquals(
                new Configuration.Difference(List.of("listen.hba", "http.tokens"), List.of("listen.address", "cache.disk", "standbys.max-write-rate")),
                first.to(second));
        Configuration taken = first.takeUp(second);
        assertEquals(second.settings().listen().hba(), taken.settings().listen().hba());
        assertEquals(second.settings().http().tokens(), taken.settings().http().tokens());
        assertEquals(first.settings().listen().address(), taken.settings().listen().address());
        assertEquals(first.settings().cache(), taken.settings().cache());
        assertEquals(first.settings().upstream(), taken.settings().upstream());
        // What still waits for a restart is named each time.
        assertEquals(new Configuration.Difference(List.of(), first.to(second).needRestart()), taken.to(second));
    }

    @Test
    void theSameWordsAreNoDifference() throws Exception {
        String yaml = "http: {tokens: [{token: secret-of-mine}]}\n";
        assertEquals(new Configuration.Difference(List.of(), List.of()), read(yaml).to(read("# moved down\n" + yaml)));
        assertFalse(read(yaml).toString().contains("secret-of-mine"));
    }

    /** Which a part that no longer is in the file has, too: a relay whose tokens are gone from the file must not go on with them. */
    @Test
    void whatIsGoneFromTheFileIsGone() throws Exception {
        Configuration first = read("http: {tokens: [{token: old}]}\n");
        Configuration taken = first.takeUp(read("verify: ack\n"));
        assertEquals(List.of(), taken.settings().http().tokens());
        assertEquals(List.of(), taken.to(read("verify: ack\n")).takenUp());
    }
}
