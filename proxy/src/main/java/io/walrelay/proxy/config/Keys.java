package io.walrelay.proxy.config;

import io.walrelay.cache.archive.ArchiveLocation;
import io.walrelay.cache.archive.Compression;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.CacheSettings.OnFull;
import io.walrelay.proxy.config.HttpSettings.Token;
import io.walrelay.proxy.config.UpstreamSettings.OnDivergence;
import io.walrelay.proxy.config.UpstreamSettings.SlotFollows;
import io.walrelay.proxy.config.UpstreamSettings.Start;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Every key there is, in the order of the manual. */
final class Keys {

    static final Key<Secret> UPSTREAM_CONNINFO = Key.of(
                    "upstream.conninfo", ValueType.CONNINFO, "The servers to read from, in libpq's form; several hosts are one cluster. Required.")
            .withFlag("--upstream");
    static final Key<String> UPSTREAM_SLOT = Key.of(
                    "upstream.slot",
                    ValueType.TEXT,
                    "The relay's physical slot on each of them. {hostname} stands for this machine's name, with _ for what slot names"
                            + " lack, cut to 63 characters.")
            .withDefault("walrelay_{hostname}")
            .withFlag("--slot");
    static final Key<Start> UPSTREAM_START = Key.of(
                    "upstream.start",
                    ValueType.START,
                    "Where a new data directory begins: slot (the segment of the slot's restart_lsn), oldest (all that upstream still"
                            + " has) or an LSN.")
            .withDefault("slot");
    static final Key<String> UPSTREAM_ACKNOWLEDGE = Key.of(
                    "upstream.acknowledge",
                    ValueType.POLICY,
                    "Whose confirmation it takes before WAL is acknowledged upstream: own, the relay's alone; or also that of standbys, named by their slots on"
                            + " the relay, as in synchronous_standby_names. all waits for those that are away, too.")
            .withDefault("own");
    static final Key<SlotFollows> UPSTREAM_SLOT_FOLLOWS = Key.of(
                    "upstream.slot-follows",
                    ValueType.choice(SlotFollows.class),
                    "What moves the relay's slot upstream, and so how long WAL stays there: acknowledged (what upstream.acknowledge lets be acknowledged) or own (what"
                            + " the relay itself has flushed: needs SQL, see walrelay setup-sql --slot-follows-own).")
            .withDefault("acknowledged");
    static final Key<OnDivergence> UPSTREAM_ON_DIVERGENCE = Key.of(
                    "upstream.on-divergence",
                    ValueType.choice(OnDivergence.class),
                    "When every reachable server forked before the acknowledged position: stop (not ready until told) or follow.")
            .withDefault("stop");
    static final Key<HintUrl> UPSTREAM_HINT = Key.of(
            "upstream.hint",
            ValueType.HINT,
            "Patroni's REST API, which is asked which host is the primary. With {host}, each host of upstream.conninfo is asked, and the one that"
                    + " answers 200 is followed; without, the leader of the answer's members is, whether upstream.conninfo names it or not.");
    static final Key<Path> UPSTREAM_HINT_CA = Key.of(
            "upstream.hint-ca", ValueType.FILE, "Who signs the certificates of upstream.hint, PEM. Without it, whom the Java runtime trusts.");

    static final Key<HostPort> LISTEN_ADDRESS = Key.of("listen.address", ValueType.ADDRESS, "The PostgreSQL port.")
            .withDefault("127.0.0.1:6433")
            .withFlag("--listen");
    static final Key<Path> LISTEN_UNIX = Key.of(
            "listen.unix",
            ValueType.DIRECTORY,
            "A directory for a Unix-domain socket, .s.PGSQL.PORT, by which clients of this machine come in without the network; Linux only. Lines of listen.hba that begin with local are for it, and may say peer.");
    static final Tls LISTEN_TLS = new Tls("listen.tls");
    static final Key<List<String>> LISTEN_HBA = Key.of(
            "listen.hba",
            ValueType.LINES,
            "Lines in pg_hba.conf form, first match wins; hostssl needs listen.tls, certificates need its client-ca. Without any, only"
                    + " loopback may connect, by scram-sha-256.").takenUpByReload();
    static final Key<Path> LISTEN_USERS_FILE =
            Key.of("listen.users.file", ValueType.FILE, "Users and their password verifiers. Without it they are read from upstream.");
    static final Key<Secret> LISTEN_USERS_CONNINFO = Key.of(
            "listen.users.auth-query.conninfo",
            ValueType.CONNINFO,
            "Whom to ask for password verifiers. Without it, the upstream in use, with the relay's own role, and other hosts of the cluster while it can't be asked.");
    static final Key<String> LISTEN_USERS_QUERY = Key.of(
            "listen.users.auth-query.query",
            ValueType.TEXT,
            "What to ask; $1 is the user's name. Without it, the function that walrelay setup-sql --auth-query makes.");

    static final Key<ForwardAs> LISTEN_FORWARD_AS = Key.of(
                    "listen.forward-as",
                    ValueType.choice(ForwardAs.class),
                    "Who clients are upstream whose sessions go on there: client (the user as which they logged in here, by scram-sha-256) or own"
                            + " (the relay's role: with all its rights, whoever they are).")
            .withDefault("client");

    static final Key<HostPort> HTTP_ADDRESS = Key.of("http.address", ValueType.ADDRESS, "The HTTP port.")
            .withDefault("127.0.0.1:8433")
            .withFlag("--http");
    static final Tls HTTP_TLS = new Tls("http.tls");
    static final Key<List<Token>> HTTP_TOKENS = Key.of(
            "http.tokens", ValueType.TOKENS, "Bearer tokens; a read-only one may look and fetch, but change nothing.").takenUpByReload();
    static final Key<Boolean> HTTP_INSECURE = Key.of(
                    "http.insecure",
                    ValueType.BOOLEAN,
                    "Accept an HTTP address other than loopback with neither tokens nor client certificates.")
            .withDefault("false")
            .takenUpByReload();

    static final Key<Path> DATA = Key.of("data", ValueType.DIRECTORY, "The directory of the relay's own files.")
            .withDefault("/var/lib/walrelay")
            .withFlag("--data");

    static final Key<ByteSize> CACHE_MEMORY =
            Key.of("cache.memory", ValueType.SIZE, "WAL kept in memory, off the Java heap, for all who read near the end.")
                    .withDefault("256MB");
    static final Key<ByteSize> CACHE_DISK =
            Key.of("cache.disk", ValueType.SIZE, "The most that WAL may take on the local disk; at least 8 of upstream's segments, 128MB of 16MB.").withDefault("50GB");
    static final Key<Duration> CACHE_KEEP = Key.of(
            "cache.keep",
            ValueType.TIME,
            "How long WAL stays on the local disk that nobody needs any more, while there is room. Default: 24h; 10min with an archive, which has it then.");
    static final Key<OnFull> CACHE_ON_FULL = Key.of(
                    "cache.on-full",
                    ValueType.choice(OnFull.class),
                    "When cache.disk is reached and all of it is needed: drop-slots (the slot that holds the most loses its WAL) or"
                            + " hold-upstream (the relay stops reading, WAL gathers on the primary).")
            .withDefault("drop-slots");

    static final Key<ArchiveLocation> ARCHIVE_URL = Key.of(
                    "archive.url",
                    ValueType.ARCHIVE,
                    "Where whole segments, histories and the ends of timelines go, and come from when the local disk has them no more."
                            + " Credentials of S3 come from where Amazon's own tools look for them.")
            .withFlag("--archive");
    static final Key<Compression> ARCHIVE_COMPRESSION = Key.of(
                    "archive.compression",
                    ValueType.choice(Compression.class),
                    "How objects are written; what is there is read however it was written. none leaves plain files, as archive_command = cp does.")
            .withDefault("zstd");
    static final Key<Path> ARCHIVE_KEY_FILE = Key.of(
            "archive.encryption.key-file",
            ValueType.FILE,
            "A key of 32 bytes, as by openssl rand -hex 32: with it objects are encrypted, AES-256-GCM. Without the file they can't be read ever again.");
    static final Key<Duration> ARCHIVE_KEEP = Key.of(
            "archive.keep",
            ValueType.TIME,
            "How long WAL stays in the archive that no slot and no pin needs (walrelay pin); at least 1h. Without it, for ever.");
    static final Key<Path> ARCHIVE_IMPORT = Key.of(
            "archive.import",
            ValueType.DIRECTORY,
            "A folder of plain files, as archive_command = cp leaves them, that is taken into the archive in the background, once.");
    static final Key<Verify> VERIFY = Key.of(
                    "verify",
                    ValueType.choice(Verify.class),
                    "What follows from WAL that is damaged on upstream, too: report (an event, and the relay is not ready), archive (and it is not archived) or"
                            + " ack (and nothing from there on is acknowledged, so that WAL gathers on the primary).")
            .withDefault("archive");

    static final Key<ByteSize> SLOTS_MAX_RETAINED = Key.of(
            "slots.max-retained",
            ValueType.SIZE,
            "The most WAL that one slot of a standby may hold back; less than cache.disk. Default: four fifths of cache.disk, 40GB of"
                    + " 50GB; with cache.on-full hold-upstream no limit.");
    static final Key<Duration> SLOTS_INACTIVE_TIMEOUT = Key.of(
                    "slots.inactive-timeout",
                    ValueType.TIME,
                    "After how long no WAL is kept any more for a slot that nobody uses, or for upstream's failover slots that can't be read; counted anew from each start of the relay. 0s: never.")
            .withDefault("7d");

    static final Key<Duration> STANDBYS_AHEAD_WAIT = Key.of(
                    "standbys.ahead-wait", ValueType.TIME, "How long a standby that is ahead of the relay is kept waiting for it.")
            .withDefault("60s");
    static final Key<Integer> STANDBYS_MAX_WRITE_RATE = Key.of(
                    "standbys.max-write-rate",
                    ValueType.integer(1, 10_000),
                    "At most how many times a second an asynchronous standby is written to.")
            .withDefault("100");
    static final Key<Duration> STANDBYS_STOP_TIMEOUT = Key.of(
                    "standbys.stop-timeout", ValueType.TIME, "How long a shutdown waits for standbys to receive what is left.")
            .withDefault("30s");
    static final Key<List<NamedStandby>> STANDBYS_NAMED = Key.of(
            "standbys.named", ValueType.NAMED, "What holds for single standbys, by the name of the slot: delay (how long after its commit, by upstream's clock, a transaction is sent), rate (bytes per second at most),"
                    + " both also by application_name and for what is fetched over HTTP; max-retained for slots.max-retained.");

    static final Key<Integer> FEEDBACK_MAX_XMIN_AGE = Key.of(
                    "feedback.max-xmin-age",
                    ValueType.integer(1, 2_000_000_000),
                    "How many transactions of the primary hot_standby_feedback may hold back: a standby's xmin that is older is reported as that old.")
            .withDefault("50000000");
    static final Key<Boolean> FEEDBACK_CAP_CATALOG = Key.of(
                    "feedback.cap-catalog",
                    ValueType.BOOLEAN,
                    "Whether that goes for catalog_xmin, too: then logical slots on a standby that are further behind may be invalidated.")
            .withDefault("false");

    static final Key<Secret> ADVERTISE_CONNINFO = Key.of(
            "advertise.conninfo", ValueType.CONNINFO, "How standbys reach the PostgreSQL port, for hints, commands to paste and the primary_conninfo of a rewind.");
    static final Key<URI> ADVERTISE_URL =
            Key.of("advertise.url", ValueType.HTTP_URL, "How others reach the HTTP port, for hints and commands to paste.");

    static final Key<List<URI>> PEERS = Key.of(
            "peers",
            ValueType.HTTP_URLS,
            "The HTTP ports of the relays beside this one: slots of theirs are kept here in step, for the standbys that name several relays. They are asked with"
                    + " the first token of http.tokens, a read-only one before others, and with the certificate of http.tls.");
    static final Key<Path> PEERS_CA =
            Key.of("peers-ca", ValueType.FILE, "Who signs the certificates of peers, PEM. Without it, whom the Java runtime trusts.");

    static final List<Key<?>> ALL = List.of(
            UPSTREAM_CONNINFO,
            UPSTREAM_SLOT,
            UPSTREAM_START,
            UPSTREAM_ACKNOWLEDGE,
            UPSTREAM_SLOT_FOLLOWS,
            UPSTREAM_ON_DIVERGENCE,
            UPSTREAM_HINT,
            UPSTREAM_HINT_CA,
            LISTEN_ADDRESS,
            LISTEN_UNIX,
            LISTEN_TLS.cert,
            LISTEN_TLS.key,
            LISTEN_TLS.clientCa,
            LISTEN_HBA,
            LISTEN_USERS_FILE,
            LISTEN_USERS_CONNINFO,
            LISTEN_USERS_QUERY,
            LISTEN_FORWARD_AS,
            HTTP_ADDRESS,
            HTTP_TLS.cert,
            HTTP_TLS.key,
            HTTP_TLS.clientCa,
            HTTP_TOKENS,
            HTTP_INSECURE,
            DATA,
            CACHE_MEMORY,
            CACHE_DISK,
            CACHE_KEEP,
            CACHE_ON_FULL,
            ARCHIVE_URL,
            ARCHIVE_COMPRESSION,
            ARCHIVE_KEY_FILE,
            ARCHIVE_KEEP,
            ARCHIVE_IMPORT,
            VERIFY,
            SLOTS_MAX_RETAINED,
            SLOTS_INACTIVE_TIMEOUT,
            STANDBYS_AHEAD_WAIT,
            STANDBYS_MAX_WRITE_RATE,
            STANDBYS_STOP_TIMEOUT,
            STANDBYS_NAMED,
            FEEDBACK_MAX_XMIN_AGE,
            FEEDBACK_CAP_CATALOG,
            ADVERTISE_CONNINFO,
            ADVERTISE_URL,
            PEERS,
            PEERS_CA);

    private Keys() {}

    /** What a section of TLS files is made of. */
    record Tls(Key<Path> cert, Key<Path> key, Key<Path> clientCa) {
        Tls(String section) {
            this(
                    Key.of(section + ".cert", ValueType.FILE, "The certificate with its chain, PEM. Without it there is no TLS.").takenUpByReload(),
                    Key.of(section + ".key", ValueType.FILE, "The certificate's private key, PEM.").takenUpByReload(),
                    Key.of(section + ".client-ca", ValueType.FILE, "Who signs the certificates of clients, PEM.").takenUpByReload());
        }
    }

    static Optional<Key<?>> find(String name) {
        return ALL.stream().filter(key -> key.name().equals(name)).findFirst().map(key -> key);
    }

    /** Whether keys are named {@code name.something}. */
    static boolean isSection(String name) {
        return ALL.stream().anyMatch(key -> key.name().startsWith(name + "."));
    }

    /** The key that was probably meant by {@code name}; empty when none is near. */
    static Optional<String> nearest(String name) {
        return Nearest.of(name, ALL.stream().map(Key::name).toList());
    }
}
