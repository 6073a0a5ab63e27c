package io.walrelay.proxy.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.WalCache;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.HttpLimits;
import io.walrelay.proxy.http.HttpServer;
import io.walrelay.proxy.metrics.RelayMetrics;
import io.walrelay.proxy.state.PeerStatus;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamRelay;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.TakenOrders;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The dashboard in Chromium, as an operator uses it. What it looks like is left in {@code target/screenshots}. */
@Timeout(180)
final class DashboardIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Path SCREENSHOTS = Path.of("target/screenshots");
    private static final HostPort ANY_PORT = new HostPort("127.0.0.1", 0);
    private static final HttpSettings OPEN = new HttpSettings(ANY_PORT, Optional.empty(), List.of(), false);
    private static final HttpSettings TOKEN =
            new HttpSettings(ANY_PORT, Optional.empty(), List.of(new HttpSettings.Token(Secret.utf8("only-look"), true)), false);

    /** What a stranger may call himself. */
    private static final String HOSTILE = "<img src=x onerror=document.title='mine'><b>\"'&amp;</b>";

    @TempDir
    private static Path profile;

    @SuppressWarnings("NullAway.Init") // set before all tests
    private static Browser browser;

    @TempDir
    private Path directory;

    @BeforeAll
    static void startBrowser() {
        browser = Browser.start(profile);
    }

    @AfterAll
    static void stopBrowser() {
        if (browser != null) {
            browser.close();
        }
    }

    /**
     * <pre>
     *   timeline 1  primary ────────╳ killed
     *   timeline 2  next      └──────────        promoted; the relay follows
     *
     *   primary | next ─▶ relay ─▶ berlin, reports     reports pauses its replay for a while
     * </pre>
     */
    @Test
    void aStandbysLagAndAFailoverAreSeen() throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(18)).name("primary").start();
                LocalPostgres next = LocalPostgres.standbyOf(primary, primary.conninfo()).name("next").start();
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(primary.port(), next.port()), "relay", directory.resolve("data"))
                        .startReady();
                LocalPostgres berlin = LocalPostgres.standbyOf(primary, relay.conninfo("berlin")).name("berlin").start();
                LocalPostgres reports = LocalPostgres.standbyOf(primary, relay.conninfo("reports")).name("reports").start()) {
            Page page = browser.open().size(1440, 900);
            page.go(relay.url() + "/");
            page.awaitText("#standbys-count", "2 connected");
            page.awaitText("#link", "live");

            reports.execute("SELECT pg_wal_replay_pause()");
            primary.execute("CREATE TABLE t AS SELECT generate_series(1, 20000) AS i", "CHECKPOINT", "UPDATE t SET i = i + 1");
            primary.execute("SELECT pg_logical_emit_message(true, 'x', repeat('x', 5000000))");
            Await.until("the lag to be seen", LIMIT, () -> cell(page, "reports", "Replayed"), lag -> lag.contains(" MB"));
            page.awaitText("#lag-legend", " MB");
            assertWhoseTheWalIs(page);
            page.shoot(SCREENSHOTS.resolve("lag.png"));
            reports.execute("SELECT pg_wal_replay_resume()");
            Await.until("the lag to be over", LIMIT, () -> cell(page, "reports", "Replayed"), lag -> lag.startsWith("0 B"));

            next.awaitReplay(primary.flushedLsn(), LIMIT);
            primary.kill();
            page.awaitText("#problems", "upstream");
            page.shoot(SCREENSHOTS.resolve("upstream-lost.png"));
            next.promote();
            page.awaitText("#timelines", "followed now\nno recovery target specified");
            page.awaitText("#events", "timeline");
            page.awaitText("#flow", "127.0.0.1:" + next.port());
            berlin.awaitReplay(next.flushedLsn(), LIMIT);
            page.awaitText("#standbys-count", "2 connected");
            page.shoot(SCREENSHOTS.resolve("failed-over.png"));
            assertEquals(List.of(), page.complaints());
        }
    }

    /** The curves have what records were read, full-page images among them, and say what was at the moment that is pointed at. */
    private static void assertWhoseTheWalIs(Page page) {
        page.awaitText("#wal-managers", "LogicalMessage");
        page.awaitText("#wal-managers", "Heap");
        String images = "[...document.querySelectorAll('#wal-managers tbody tr')].find(row => row.innerText.startsWith('Heap\t')).querySelector('.bar i').style.width";
        assertTrue(Double.parseDouble(page.evaluate(images).asString().replace("%", "")) > 0, "an update after a checkpoint writes pages");
        Await.until("the curve to be drawn", LIMIT, () -> page.evaluate("document.querySelector('#wal-chart .uplot').ariaLabel").asString(), text -> text.contains("/s"));
        page.point("#wal-chart .u-over", 0.99);
        page.awaitText("#lag-time", "at ");
        page.point("h1", 0.5);
        Await.until("the present to be told again", LIMIT, () -> page.text("#lag-time"), String::isEmpty);
    }

    /** Of a row of the standbys. */
    private static String cell(Page page, String standby, String column) {
        return page.evaluate("[...document.querySelectorAll('#standbys tbody tr')].find(row => row.innerText.startsWith('%s'))?.querySelector('[data-title=%s]').innerText ?? ''"
                .formatted(standby, column)).asString();
    }

    /** A thousand standbys, an orphan, and somebody who tries to be code. */
    @Test
    void manyStandbysAreAListAndNamesAreText() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            orphan(relay);
            for (int pid = 100; pid < 1_100; pid++) {
                int id = pid;
                relay.state().standbys().join(pid, () -> KnownRelay.standby(id, id == 100 ? HOSTILE : "standby" + id));
            }
            Diagnostic said = Diagnostic.error("XX000", HOSTILE);
            relay.state().refused().note(new Refusal(KnownRelay.NOW, Refusal.Reason.DIVERGED, "stray" + HOSTILE, Optional.empty(), "repl", "10.0.0.9", said, Optional.empty()));
            relay.state().events().error("slot-lost", HOSTILE);
            try (HttpServer server = serve(relay, OPEN)) {
                Page page = browser.open().size(1440, 900);
                page.go(url(server));
                page.awaitText("#standbys-count", "1001 connected, 2 not");
                page.awaitText("#flow", "more");
                page.awaitText("#flow", "refused: diverged");
                page.awaitText("#timelines", "commits may be lost");
                page.awaitText("#events", HOSTILE);
                page.awaitText("#standbys-table", "stray" + HOSTILE);
                page.evaluate("document.getElementById('standbys-filter').focus()");
                page.type("onerror");
                page.awaitText("#standbys-table", "\n" + HOSTILE);
                assertEquals(2, page.evaluate("document.querySelectorAll('#standbys tbody tr').length").asInt(), page.text("#standbys"));
                reachByTab(page, "why stray" + HOSTILE);
                page.press("Enter");
                page.awaitText("#why-title", "stray" + HOSTILE);
                page.awaitText("#why-body", "diverged");
                assertEquals(0, page.evaluate("document.querySelectorAll('main img, main b b, dialog img').length").asInt());
                assertTrue(page.evaluate("document.title").asString().contains("walrelay"));
                Axe.assertAccessible("why", page);
                page.shoot(SCREENSHOTS.resolve("why.png"));
                page.press("Escape");
                assertEquals("why stray" + HOSTILE, page.evaluate("document.activeElement.getAttribute('aria-label')").asString(), "back where it was");

                Axe.assertAccessible("light", page);
                page.shoot(SCREENSHOTS.resolve("light.png"));
                page.dark(true);
                Axe.assertAccessible("dark", page);
                page.shoot(SCREENSHOTS.resolve("dark.png"));
                page.dark(false).size(390, 844);
                Await.until("the picture to be redrawn", LIMIT, () -> page.evaluate("document.querySelector('.picture').clientWidth").asInt() < 390);
                assertEquals(390, page.evaluate("document.documentElement.scrollWidth").asInt(), "nobody has to scroll sideways");
                Axe.assertAccessible("narrow", page);
                page.shoot(SCREENSHOTS.resolve("narrow.png"));
                assertEquals(List.of(), page.complaints());
            }
        }
    }

    /**
     * <pre>
     *   pg0 ─▶ far ─▶ pg1 ─▶ this relay ─▶ a, site2 (a relay)        beside it: a peer that answers and one that does not
     * </pre>
     */
    @Test
    void relaysAreDrawnAsRelaysAndALostSlotAsLost() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory);
                HttpServer server = serve(relay, OPEN)) {
            RelayState state = relay.state();
            state.learn(Optional.of(new UpstreamRelay(List.of("far:6433", "pg0:5432"), true)));
            state.standbys().join(42, () -> KnownRelay.relayBehind(42, "site2"));
            PeerStatus beside = PeerStatus.unknown("https://beside:8433", KnownRelay.NOW);
            state.update(beside.seen(PeerStatus.State.UP, Optional.empty(), KnownRelay.NOW));
            state.update(PeerStatus.unknown("https://other:8433", KnownRelay.NOW).seen(PeerStatus.State.AWAY, Optional.of("no route"), KnownRelay.NOW));
            state.cache().orElseThrow().slots().markLost("b");
            Page page = browser.open().size(1440, 900);
            page.go(url(server));
            page.awaitText("#flow", "pg0:5432\nPostgreSQL 18.1 · beyond");
            page.awaitText("#flow", "far:6433\nrelay · beyond");
            page.awaitText("#flow", "pg1:5432\nrelay · streaming");
            page.awaitText("#flow", "site2\nrelay · streaming");
            page.awaitText("#flow", "beside:8433\npeer · 0 of its slots are here");
            page.awaitText("#flow", "other:8433\npeer · away");
            page.awaitText("#flow", "slot lost");
            page.awaitText("#problems", "slot lost b: no tier has");
            assertEquals(6, page.evaluate("document.querySelectorAll('#flow .node.relay').length").asInt(), "pg1, far, this one, site2, and the peers");
            Axe.assertAccessible("relays", page);
            page.shoot(SCREENSHOTS.resolve("relays.png"));
            state.learn(Optional.of(new UpstreamRelay(List.of(), false)));
            page.awaitText("#flow", "no upstream\nof pg1:5432");
            page.size(390, 844);
            Await.until("the picture to be redrawn", LIMIT, () -> page.evaluate("document.querySelector('.picture').clientWidth").asInt() < 390);
            page.shoot(SCREENSHOTS.resolve("relays-narrow.png"));
            assertEquals(List.of(), page.complaints());
        }
    }

    private static void orphan(KnownRelay relay) throws IOException {
        WalCache cache = relay.state().cache().orElseThrow();
        TimelineHistory next = cache.end().lineage().promoted(TimelineId.of(2), Lsn.parse("0/100C000"), "no recovery target specified");
        cache.follow(next, next.format().getBytes(StandardCharsets.US_ASCII), KnownRelay.WRITTEN);
    }

    private static void reachByTab(Page page, String label) {
        for (int i = 0; i < 20; i++) {
            page.press("Tab");
            if (page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''").asString().equals(label)) {
                return;
            }
        }
        throw new AssertionError("the keyboard does not reach \"%s\"".formatted(label));
    }

    @Test
    void aTokenIsAskedForAndKeptInTheTab() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory);
                HttpServer server = serve(relay, TOKEN)) {
            Page page = browser.open().size(1440, 900);
            page.go(url(server) + "#why=a");
            page.awaitText("#token", "A token, please");
            assertEquals("", page.text("main"));
            Axe.assertAccessible("token", page);
            page.type("guessed");
            page.press("Enter");
            page.awaitText("#token-why", "unknown token; expected one of http.tokens");
            page.type("only-look");
            page.press("Enter");
            page.awaitText("#standbys-count", "1 connected");
            page.awaitText("#why-body", "It streams");
            page.press("Escape");
            page.evaluate("location.reload()");
            page.awaitText("#standbys-count", "1 connected");
            // What it was told, the browser tells as well.
            assertTrue(page.complaints().stream().allMatch(complaint -> complaint.contains("401")), page.complaints()::toString);
        }
    }

    @Test
    void whatItKnewStaysWhileTheRelayIsAway() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            Page page = browser.open().size(1440, 900);
            HostPort address;
            try (HttpServer server = serve(relay, OPEN)) {
                address = new HostPort("127.0.0.1", server.address().getPort());
                page.go(url(server));
                page.awaitText("#standbys-count", "1 connected");
            }
            page.awaitText("#away", "The relay is unreachable");
            page.awaitText("#link", "trying again");
            assertEquals("stale", page.evaluate("document.getElementById('main').className").asString());
            page.awaitText("#flow", "a\nstreaming");
            page.shoot(SCREENSHOTS.resolve("unreachable.png"));
            relay.state().standbys().join(42, () -> KnownRelay.standby(42, "late"));
            try (HttpServer _ = serve(relay, new HttpSettings(address, Optional.empty(), List.of(), false))) {
                page.awaitText("#link", "live");
                page.awaitText("#standbys-count", "2 connected");
                assertEquals("", page.evaluate("document.getElementById('main').className").asString());
            }
        }
    }

    @Test
    void aRelayWithoutUpstreamSaysSo() throws Exception {
        try (KnownRelay relay = KnownRelay.empty();
                HttpServer server = serve(relay, OPEN)) {
            Page page = browser.open().size(390, 844);
            page.go(url(server));
            page.awaitText("#problems", "no route");
            page.awaitText("#flow", "no WAL yet");
            page.awaitText("#flow", "no standbys");
            Axe.assertAccessible("empty", page);
            page.shoot(SCREENSHOTS.resolve("empty.png"));
            assertEquals(List.of(), page.complaints());
        }
    }

    private static HttpServer serve(KnownRelay relay, HttpSettings settings) throws IOException {
        RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, KnownRelay.NO_PACING);
        return HttpServer.start(
                settings, HttpLimits.DEFAULT, relay.state(), KnownRelay.PROCESS, metrics, TakenOrders.IGNORED, _ -> CompletableFuture.completedFuture(false));
    }

    private static String url(HttpServer server) {
        return "http://127.0.0.1:%d/".formatted(server.address().getPort());
    }
}
