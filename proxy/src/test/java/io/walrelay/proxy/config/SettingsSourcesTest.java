package io.walrelay.proxy.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.auth.Hba;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsSourcesTest {

    private static final String UPSTREAM = "upstream: {conninfo: host=pg1 user=walrelay}\n";

    @TempDir
    Path directory;

    @Test
    void needsNoFileForAFirstRun() throws InvalidSettingsException {
        Settings settings = new SettingsSources(
                        Optional.empty(), Map.of(), Map.of("--upstream", "host=pg1 user=walrelay", "--data", "/srv/relay"), "db-7.Example", 1L << 40)
                .conclude();

        assertEquals(List.of(HostAddress.of("pg1", 5432)), settings.upstream().conninfo().hosts());
        assertEquals("walrelay_db_7_example", settings.upstream().slot());
        assertEquals(new UpstreamSettings.Start.Slot(), settings.upstream().start());
        assertEquals(UpstreamSettings.OnDivergence.STOP, settings.upstream().onDivergence());
        assertEquals(new AcknowledgePolicy.Own(), settings.upstream().acknowledge());
        assertEquals(UpstreamSettings.SlotFollows.ACKNOWLEDGED, settings.upstream().slotFollows());
        assertEquals(new HostPort("127.0.0.1", 6433), settings.listen().address());
        assertEquals(new UserSource.AuthQuery(Optional.empty(), Optional.empty()), settings.listen().users());
        assertEquals(new HostPort("127.0.0.1", 8433), settings.http().address());
        assertEquals(Path.of("/srv/relay"), settings.data());
        assertEquals(
                new CacheSettings(
                        new ByteSize(256L << 20), new ByteSize(50L << 30), Duration.ofHours(24), CacheSettings.OnFull.DROP_SLOTS),
                settings.cache());
        assertEquals(new SlotSettings(new ByteSize(40L << 30), Map.of(), Optional.of(Duration.ofDays(7))), settings.slots());
        assertEquals(new StandbySettings(Duration.ofSeconds(60), 100, Duration.ofSeconds(30), 1_000, List.of()), settings.standbys());
    }

    @Test
    void readsEveryKeyOfTheFile() throws Exception {
        Path pem = Files.writeString(directory.resolve("a.pem"), "");
        Settings settings = conclude("""
                upstream:
                  conninfo: "host=pg1,pg2 user=walrelay password=hunter2"
                  slot: relay_1
                  start: 1E5/0
                  acknowledge: any 1 (a, "b-1")
                  slot-follows: own
                  on-divergence: follow
                  hint: https://{host}:8008/primary
                  hint-ca: %1$s
                listen:
                  address: "[::]:6433"
                  tls: {cert: %1$s, key: %1$s, client-ca: %1$s}
                  hba:
                    - hostssl replication all 10.0.0.0/8 scram-sha-256
                    - host all all ::1/128 reject
                  users: {file: %1$s}
                http:
                  address: 0.0.0.0:8433
                  tls: {cert: %1$s, key: %1$s}
                  tokens: [{token: 0123, read-only: true}, {token: full}]
                data: %2$s
                cache: {memory: 64MB, disk: 10GB, keep: 7d, on-full: hold-upstream}
                slots: {max-retained: 9GB, inactive-timeout: 0s}
                standbys:
                  ahead-wait: 5min
                  max-write-rate: 20
                  stop-timeout: 500ms
                  named: [{name: reports, max-retained: 1TB}, {max-retained: 0B, name: b}]
                advertise: {conninfo: host=relay port=6433, url: "https://relay:8433"}
                """.formatted(pem, directory), Map.of());

        assertEquals(new UpstreamSettings.Start.At(Lsn.parse("1E5/0")), settings.upstream().start());
        assertEquals(new AcknowledgePolicy.Any(1, List.of("a", "b-1")), settings.upstream().acknowledge());
        assertEquals(UpstreamSettings.SlotFollows.OWN, settings.upstream().slotFollows());
        assertEquals(
                Optional.of(new UpstreamSettings.Hint(new HintUrl("https://{host}:8008/primary"), Optional.of(pem))), settings.upstream().hint());
        assertEquals(new HostPort("::", 6433), settings.listen().address());
        assertEquals(Optional.of(new TlsSettings(pem, pem, Optional.of(pem))), settings.listen().tls());
        assertEquals(
                Hba.parse(List.of("hostssl replication all 10.0.0.0/8 scram-sha-256", "host all all ::1/128 reject")), settings.listen().hba());
        assertEquals(new UserSource.File(pem), settings.listen().users());
        assertEquals(
                List.of(new HttpSettings.Token(Secret.utf8("0123"), true), new HttpSettings.Token(Secret.utf8("full"), false)),
                settings.http().tokens());
        assertEquals(
                new SlotSettings(new ByteSize(9L << 30), Map.of("reports", new ByteSize(1L << 40), "b", new ByteSize(0)), Optional.empty()), settings.slots());
        assertEquals(Duration.ofMillis(500), settings.standbys().stopTimeout());
        assertEquals("host=relay port=6433", settings.reachedAt());
        assertFalse(settings.toString().contains("hunter2"), settings.toString());
        assertFalse(settings.toString().contains("full"), settings.toString());
    }

    @Test
    void letsAFlagGoBeforeTheEnvironmentAndThatBeforeTheFile() throws Exception {
        Path file = Files.writeString(directory.resolve("w.yaml"), UPSTREAM + "listen: {address: 127.0.0.1:1}\nhttp: {address: 127.0.0.1:2}\ncache: {keep: 1h}\n");
        Settings settings = new SettingsSources(
                        Optional.of(file),
                        Map.of("WALRELAY_LISTEN_ADDRESS", "127.0.0.1:11", "WALRELAY_HTTP_ADDRESS", "127.0.0.1:12", "HOME", "/root"),
                        Map.of("--listen", "127.0.0.1:21"),
                        "h", 1L << 40)
                .conclude();

        assertEquals(21, settings.listen().address().port());
        assertEquals(12, settings.http().address().port());
        assertEquals(Duration.ofHours(1), settings.cache().keep());
    }

    @Test
    void readsListsFromTheEnvironmentByLineOrSemicolon() throws Exception {
        Settings settings = conclude(
                UPSTREAM,
                Map.of(
                        "WALRELAY_LISTEN_HBA", "local all all trust\nhost all all all md5; host x y 10.0.0.1/32 reject",
                        "WALRELAY_HTTP_TOKENS", "abc; def read-only"));

        assertEquals(Hba.parse(List.of("local all all trust", "host all all all md5", "host x y 10.0.0.1/32 reject")), settings.listen().hba());
        assertEquals(
                List.of(new HttpSettings.Token(Secret.utf8("abc"), false), new HttpSettings.Token(Secret.utf8("def"), true)),
                settings.http().tokens());
    }

    @Test
    void readsWhatHoldsForSingleStandbysFromTheEnvironment() throws Exception {
        Settings settings = conclude(UPSTREAM, Map.of("WALRELAY_STANDBYS_NAMED", "reports max-retained=10GB; b max-retained=1MB"));

        assertEquals(Map.of("reports", new ByteSize(10L << 30), "b", new ByteSize(1 << 20)), settings.slots().named());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "standbys: {named: [{name: reports, delay: 1h, rate: 50MB/s, max-retained: 10GB}, {rate: 128 kB / s, name: b}, {name: c, delay: 90s}]}",
        "standbys: {named: [reports delay=1h rate=50MB/s max-retained=10GB, b rate=128 kB / s, c delay=90s]}",
        "reports delay=1h max-retained=10GB rate=50MB/s; b   rate=128 kB / s;c delay=90s"
    })
    void readsWhatHoldsSingleStandbysBack(String given) throws Exception {
        Settings settings = given.startsWith("standbys")
                ? conclude(UPSTREAM + given + "\n", Map.of())
                : conclude(UPSTREAM, Map.of("WALRELAY_STANDBYS_NAMED", given));

        assertEquals(
                List.of(
                        new NamedStandby("reports", Optional.of(Duration.ofHours(1)), Optional.of(new ByteSize(50 << 20)), Optional.of(new ByteSize(10L << 30))),
                        new NamedStandby("b", Optional.empty(), Optional.of(new ByteSize(128 << 10)), Optional.empty()),
                        new NamedStandby("c", Optional.of(Duration.ofSeconds(90)), Optional.empty(), Optional.empty())),
                settings.standbys().named());
        assertEquals(Map.of("reports", new ByteSize(10L << 30)), settings.slots().named());
    }

    @Test
    void whatHoldsAStandbyBackMayHaveAnyApplicationName() throws Exception {
        Settings settings = conclude(UPSTREAM, Map.of("WALRELAY_STANDBYS_NAMED", "pg-2 delay=1h; Reports rate=1MB/s; a.b:$c delay=1h"));

        assertEquals(List.of("pg-2", "Reports", "a.b:$c"), settings.standbys().named().stream().map(NamedStandby::name).toList());
    }

    @Test
    void namesAllThatIsWrongAtOnceWithItsLine() throws IOException {
        Path file = directory.resolve("w.yaml");
        String message = problems("""
                cache:
                  memory: 256 apples
                  on-ful: drop-slots
                standbys: {max-write-rate: 0}
                """, Map.of("WALRELAY_CACHE_KEPT", "1h"));

        assertEquals(
                """
                WALRELAY_CACHE_KEPT = given (environment): expected a variable that names a key; did you mean WALRELAY_CACHE_KEEP?
                cache.on-ful = unknown (%1$s line 3): expected a known key; did you mean cache.on-full?
                upstream.conninfo = not given (--upstream, WALRELAY_UPSTREAM_CONNINFO or the configuration file): expected a libpq \
                connection string, like host=pg1,pg2 user=walrelay
                cache.memory = "256 apples" (%1$s line 2): expected a whole number with a unit of B, kB, MB, GB or TB, like 256MB
                standbys.max-write-rate = "0" (%1$s line 4): expected a whole number from 1 to 10000"""
                        .formatted(file),
                message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "http: {address: '0.0.0.0:8433'} | http.address = \"0.0.0.0:8433\" | a loopback address, or http.tokens",
                "slots: {max-retained: 50GB} | slots.max-retained = \"50GB\" | less than cache.disk, which is 50GB",
                "http: {address: '127.0.0.1:6433'} | http.address = \"127.0.0.1:6433\" | another port than listen.address",
                "listen: {tls: {cert: /dev/null}} | listen.tls.cert = \"/dev/null\" | listen.tls.key with it",
                "http: {tls: {client-ca: /etc/hostname}} | http.tls.client-ca | http.tls.cert and http.tls.key with it",
                "listen: {hba: ['host replication a all md5', 'hostssl replication b all md5']} | listen.hba = [host replication a all md5, hostssl replication b all md5] | expected listen.tls.cert and listen.tls.key with it: without TLS a hostssl rule, as in hba line 2, fits no connection",
                "listen: {hba: ['hostssl replication all all cert'], tls: {cert: /dev/null, key: /etc/hostname}} | listen.hba | expected listen.tls.client-ca with it: without it no client is asked for the certificate that hba line 1 wants",
                "listen: {hba: ['hostssl replication all all md5 clientcert=verify-ca'], tls: {cert: /etc/hostname, key: /etc/hostname}} | listen.hba | expected listen.tls.client-ca with it",
                "listen: {hba: ['# host all all all trust']} | listen.hba = \"# host all all all trust\" | at least one rule",
                "listen: {users: {file: /not/there}} | listen.users.file = \"/not/there\" | a file that exists",
                "listen: {users: {file: /etc/hostname}} | listen.users.file = \"/etc/hostname\" | expected one user on each line: line 1; expected",
                "listen: {users: {auth-query: {query: SELECT 1}}} | listen.users.auth-query.query = \"SELECT 1\" | a query with $1 where the user's name goes",
                "listen: {users: {file: /etc/hostname, auth-query: {query: q}}} | listen.users.auth-query.query | not both",
                "cache: {disk: 1MB} | cache.disk = \"1MB\" | at least 64MB",
                "cache: {keep: 24} | cache.keep = \"24\" | a whole number with a unit of ms, s, min, h or d",
                "cache: {keep: } | cache.keep = no value | a whole number with a unit",
                "cache: 5GB | cache = unknown | a mapping, since cache is a section",
                "cache: {disk: [1GB, 2GB]} | cache.disk = [1GB, 2GB] | a whole number",
                "data: a \\nother: &x 1\\ndata2: *x | data2 = an alias | the value itself",
                "upstream: {conninfo: 'host=a hots=b password=hunter2'} | upstream.conninfo = (not shown) | hots",
                "upstream: {hint: 'pg1:8008/cluster'} | upstream.hint = \"pg1:8008/cluster\" | a URL like http://{host}:8008/primary",
                "upstream: {hint: 'http://u:p@pg1:8008/cluster'} | upstream.hint = \"http://u:p@pg1:8008/cluster\" | a URL like",
                "upstream: {hint: 'http://pg1:8008/cluster', hint-ca: /etc/hostname} | upstream.hint-ca = \"/etc/hostname\" | upstream.hint with https://",
                "upstream: {hint-ca: /etc/hostname} | upstream.hint-ca = \"/etc/hostname\" | upstream.hint with https://",
                "advertise: {url: 'relay:8433'} | advertise.url = \"relay:8433\" | a URL like",
                "advertise: {conninfo: 'hots=relay'} | advertise.conninfo = (not shown) | hots",
                "archive: {keep: 7d} | archive.keep = \"7d\" | archive.url with it",
                "archive: {url: 'file:///a', keep: 59min} | archive.keep = \"59min\" | at least 1h",
                "archive: {import: /old} | archive.import = \"/old\" | archive.url with it",
                "slots: {inactive-timeout: 7} | slots.inactive-timeout = \"7\" | a whole number with a unit of ms, s, min, h or d",
                "archive: {url: 'ftp://a/b'} | archive.url = \"ftp://a/b\" | file:///PATH or s3://BUCKET/PREFIX",
                "archive: {url: 'file:///a', compression: gzip} | archive.compression = \"gzip\" | none or zstd or lz4",
                "archive: {compression: lz4} | archive.compression = \"lz4\" | archive.url with it",
                "archive: {url: 'file:///a', encryption: {key-file: /etc/hostname}} | archive.encryption.key-file | a key: no key in /etc/hostname",
                "verify: never | verify = \"never\" | ack or archive or report",
                "standbys: {named: [{name: a, delay: 0s}]} | standbys.named = \"a delay=0s\" | a list of {name: SLOT, delay: TIME",
                "standbys: {named: [{name: a, delay: 1 hour}]} | standbys.named = \"a delay=1 hour\" | a list of {name: SLOT, delay: TIME",
                "standbys: {named: [{name: a, rate: 1MB, max-retained: 1GB}]} | standbys.named = \"a rate=1MB max-retained=1GB\" | rate: SIZE/s",
                "standbys: {named: [{name: a, rate: 100kB/s}]} | standbys.named = \"a rate=100kB/s\" | a rate of at least 128kB/s",
                "standbys: {named: [{name: a, delay: 1h, dealy: 2h}]} | standbys.named = an item with [name, delay, dealy] | a list of {name: SLOT",
                "standbys: {named: [\"a delay=1h delay=2h\"]} | standbys.named = \"a delay=1h delay=2h\" | a list of {name: SLOT",
                "standbys: {named: [\"a  fast\"]} | standbys.named | a list of {name: SLOT",
                "standbys: {named: [{name: a, delay: 1h}, {name: a, max-retained: 2GB}]} | standbys.named | each name once; \"a\" is there again",
                "standbys: {named: [{name: a}]} | standbys.named = an item with [name] | a list of {name: SLOT, delay: TIME, rate: SIZE/s, max-retained: SIZE}",
                "standbys: {named: [{nam: a, max-retained: 1GB}]} | standbys.named = an item with [nam, max-retained] | a list of {name: SLOT",
                "standbys: {named: [{name: A, max-retained: 1GB}]} | standbys.named = \"A max-retained=1GB\" | a list of {name: SLOT",
                "standbys: {named: [{name: a, max-retained: 1}]} | standbys.named = \"a max-retained=1\" | a list of {name: SLOT",
                "standbys: {named: [{name: a, max-retained: 1GB}, {name: a, max-retained: 2GB}]} | standbys.named | each name once; \"a\" is there again",
                "standbys: {named: [{name: a, max-retained: 50GB}]} | standbys.named | max-retained less than cache.disk, which is 50GB",
                "peers: [a] | peers = \"a\" | a list of URLs",
                "peers: ['http://u:p@relay2:8433'] | peers = \"http://u:p@relay2:8433\" | a list of URLs",
                "peers: ['http://relay2:8433?a=b'] | peers = \"http://relay2:8433?a=b\" | a list of URLs",
                "peers: ['http://relay2:8433/#a'] | peers = \"http://relay2:8433/#a\" | a list of URLs",
                "peers: ['http://relay2:8433/,http://relay3:8433'] | peers = \"http://relay2:8433/,http://relay3:8433\" | a list of URLs",
                "upstream: {acknowledge: 'all (a)'}\\nstandbys: {named: [{name: A, rate: 1MB/s}]} | standbys.named | no delay and no rate for \"A\", a member of upstream.acknowledge",
                "upstream: {acknowledge: 'all (a)'}\\nstandbys: {named: [{name: a, delay: 1h}]} | standbys.named | no delay and no rate for \"a\", a member of upstream.acknowledge",
                "standbys: {named: [{name: a b, delay: 1h}]} | standbys.named = \"a b delay=1h\" | a list of {name: SLOT",
                "standbys: {named: [{name: 'a=b', delay: 1h}]} | standbys.named = \"a=b delay=1h\" | a list of {name: SLOT",
                "feedback: {max-xmin-age: 3000000000} | feedback.max-xmin-age = \"3000000000\" | a whole number from 1 to 2000000000",
                "- a | configuration file = no mapping | keys like",
                "cache: {disk: 1GB | configuration file | YAML",
                "listen: {hba: [{a: b}]} | listen.hba = an item that is no text | a list of lines",
                "http: {tokens: [{tokken: hunter2}]} | http.tokens = an item with [tokken] | a list of {token",
            })
    void refuses(String yaml, String what, String expected) throws IOException {
        String message = problems(yaml.replace("\\n", "\n"), yaml.contains("conninfo:") ? Map.of() : Map.of("WALRELAY_UPSTREAM_CONNINFO", "host=a user=u"));

        assertTrue(message.contains(what) && message.contains(expected), message);
        assertFalse(message.contains("hunter2"), message);
    }

    @Test
    void aListIsNamedByTheLineOfItsKeyAndOnceWhateverIsWrongInIt() throws IOException {
        String message = problems("""
                listen:
                  hba:
                    - host all all all psk

                    - hots all all all trust
                data: /tmp
                """, Map.of("WALRELAY_UPSTREAM_CONNINFO", "host=a user=u"));

        assertTrue(
                message.startsWith("listen.hba = [host all all all psk, hots all all all trust] (%s line 2): expected lines in pg_hba.conf form; hba line 1: "
                        .formatted(directory.resolve("w.yaml"))),
                message);
        assertTrue(message.contains("; hba line 2: connection type \"hots\""), message);
        assertEquals(1, message.lines().count(), message);
    }

    /** What it does not give is not named as missing. */
    @Test
    void ofAFileThatCanNotBeReadNothingElseIsSaid() throws IOException {
        String message = problems("cache: {memory: [", Map.of());
        assertTrue(message.startsWith("configuration file = ") && message.lines().count() == 1, message);

        Path none = directory.resolve("none.yaml");
        SettingsSources sources = new SettingsSources(Optional.of(none), Map.of(), Map.of(), "host", 1L << 30);
        assertEquals(
                "configuration file = not read: could not open file \"%1$s\": no such file or directory (%1$s): expected a YAML file".formatted(none),
                assertThrows(InvalidSettingsException.class, sources::conclude).getMessage());
    }

    @Test
    void refusesAKeyThatIsGivenTwice() throws IOException {
        String message = problems(UPSTREAM + "cache: {keep: 1h}\ncache: {keep: 2h}\n", Map.of());

        assertTrue(message.contains("cache"), message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\'', value = {
        "any 2 (a) | the number is not one from 1 to 1, as many as standbys are named",
        "all (*) | * names nobody: who is waited for while away, and whose slot keeps the WAL, has to be known by name",
    })
    void refusesAPolicyOfAcknowledgementWithAReason(String policy, String why) throws IOException {
        String message = problems("", Map.of("WALRELAY_UPSTREAM_CONNINFO", "host=a user=u", "WALRELAY_UPSTREAM_ACKNOWLEDGE", policy));

        assertEquals(
                "upstream.acknowledge = \"%s\" (WALRELAY_UPSTREAM_ACKNOWLEDGE): expected own, \"any K (NAME, …)\", \"first K (NAME, …)\" or \"all (NAME, …)\"; in \"%s\" %s"
                        .formatted(policy, policy, why),
                message);
    }

    @Test
    void ignoresTheVariablesThatKubernetesMakesForAServiceCalledWalrelay() throws Exception {
        Settings settings = conclude(UPSTREAM, Map.of("WALRELAY_SERVICE_HOST", "10.0.0.1", "WALRELAY_PORT_6433_TCP_ADDR", "10.0.0.1", "WALRELAY_SERVICE_PORT_HTTP", "8433", "WALRELAY_PORT", "tcp://"));

        assertEquals(6433, settings.listen().address().port());
    }

    @ParameterizedTest
    @ValueSource(strings = {"Relay", "relay-1", "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x-{hostname}"})
    void refusesASlotNameThatPostgresWouldRefuse(String name) throws IOException {
        String message = problems("", Map.of("WALRELAY_UPSTREAM_CONNINFO", "host=a user=u", "WALRELAY_UPSTREAM_SLOT", name));

        assertTrue(message.startsWith("upstream.slot = \"%s\"".formatted(name)), message);
    }

    @Test
    void cutsASlotNameMadeOfALongHostName() {
        assertEquals("w_" + "a".repeat(61), SlotName.of("w_{hostname}", "a".repeat(80)));
    }

    @Test
    void takesAnEmptyFileForNoSettings() throws Exception {
        assertEquals(6433, conclude("", Map.of("WALRELAY_UPSTREAM_CONNINFO", "host=a user=u")).listen().address().port());
    }

    @Test
    void refusesATailThatTheProcessHasNoRoomFor() throws Exception {
        Path file = Files.writeString(directory.resolve("w.yaml"), UPSTREAM + "cache: {memory: 1GB}\n");
        var sources = new SettingsSources(Optional.of(file), Map.of(), Map.of(), "h", 1024L << 20);
        String message = String.valueOf(assertThrows(InvalidSettingsException.class, sources::conclude).getMessage());
        assertTrue(message.contains("cache.memory"), message);
        assertTrue(message.contains("at most 896MB"), message);
        assertTrue(message.contains("WALRELAY_JAVA_OPTS=-XX:MaxDirectMemorySize=1152m"), message);
    }

    @ParameterizedTest
    @CsvSource({"2048, 1000", "1070, 1000", "512, 256", "384, 85"})
    void letsInAsManyStandbysAsItHasMemoryForWhenTheyTakeNothing(long directMegabytes, int sessions) throws Exception {
        Path file = Files.writeString(directory.resolve("w.yaml"), UPSTREAM);
        var sources = new SettingsSources(Optional.of(file), Map.of(), Map.of(), "h", directMegabytes << 20);
        assertEquals(sessions, sources.conclude().standbys().maxSessions());
    }

    private Settings conclude(String yaml, Map<String, String> environment) throws IOException, InvalidSettingsException {
        Path file = Files.writeString(directory.resolve("w.yaml"), yaml);
        return new SettingsSources(Optional.of(file), environment, Map.of(), "h", 1L << 40).conclude();
    }

    private String problems(String yaml, Map<String, String> environment) throws IOException {
        Path file = Files.writeString(directory.resolve("w.yaml"), yaml);
        return String.valueOf(assertThrows(
                        InvalidSettingsException.class,
                        () -> new SettingsSources(Optional.of(file), environment, Map.of(), "h", 1L << 40).conclude())
                .getMessage());
    }
}
