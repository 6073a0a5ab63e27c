package io.walrelay.proxy.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
                listen: {hba: [host replication all 10.1.0.0/16 scram-sha-256]}
                http: {tokens: [{token: new}, {token: reader, read-only: true}]}
                standbys: {max-write-rate: 100}
                """);

        assertEquals(
                new Configuration.Difference(List.of("listen.hba", "http.tokens"), List.of("cache.disk", "standbys.max-write-rate")),
                first.to(second));
        Configuration taken = first.takeUp(second);
        assertEquals(second.settings().listen().hba(), taken.settings().listen().hba());
        assertEquals(second.settings().http().tokens(), taken.settings().http().tokens());
        assertEquals(first.settings().cache(), taken.settings().cache());
        assertEquals(first.settings().upstream(), taken.settings().upstream());
        // What still waits for a restart is named each time.
        assertEquals(new Configuration.Difference(List.of(), first.to(second).needRestart()), taken.to(second));
    }

    /** Rules that were written for a port that only this machine reaches must not hold at an address that everybody reaches, and the like. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            listen | address: "10.0.0.1:6432"              | address: "127.0.0.1:6432"          | hba: [host all all all trust] | listen.address, listen.hba
            listen | hba: [host all all all scram-sha-256] | unix: /run/walrelay                | hba: [local all all trust]    | listen.unix, listen.hba
            listen | hba: [host all all all md5]           | users: {auth-query: {query: "SELECT $1"}} | hba: [host all all all trust] | listen.hba, listen.users.auth-query.query
            listen | forward-as: own                       | forward-as: client                 | hba: [host all all all trust] | listen.hba, listen.forward-as
            http   | {address: "0.0.0.0:8433", tokens: [{token: a}]} | address: "127.0.0.1:8433" | insecure: true                | http.address, http.tokens, http.insecure
            http   | {address: "0.0.0.0:8433", tokens: [{token: a}]} | address: "127.0.0.1:8433" | tokens: [{token: b}]          | http.address, http.tokens
            """)
    void accessRulesWaitWithTheAddressAndTheUsersThatTheyAreFor(String port, String before, String after, String rules, String waiting) throws Exception {
        Configuration first = read("%s: %s\n".formatted(port, before.startsWith("{") ? before : "{" + before + "}"));
        Configuration second = read("%s: {%s, %s}\ncache: {disk: 2GB}\n".formatted(port, after, rules));
        List<String> needRestart = Stream.concat(Stream.of(waiting.split(", ", -1)), Stream.of("cache.disk")).toList();
        assertEquals(new Configuration.Difference(List.of(), needRestart), first.to(second));
        Configuration taken = first.takeUp(second);
        assertEquals(first.settings().listen(), taken.settings().listen());
        assertEquals(first.settings().http(), taken.settings().http());
        assertEquals(new Configuration.Difference(List.of(), needRestart), taken.to(second));
    }

    /** Of the other port all is taken up. */
    @Test
    void onePortWaitsWithoutTheOther() throws Exception {
        Configuration first = read("http: {tokens: [{token: old}]}\n");
        Configuration second = read("listen: {address: \"127.0.0.1:7000\", hba: [host all all all md5]}\nhttp: {tokens: [{token: new}]}\n");
        assertEquals(new Configuration.Difference(List.of("http.tokens"), List.of("listen.address", "listen.hba")), first.to(second));
        assertEquals(second.settings().http().tokens(), first.takeUp(second).settings().http().tokens());
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
