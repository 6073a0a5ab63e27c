package io.walrelay.proxy.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.Archiver;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalCursor;
import io.walrelay.cache.WalVerifier;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.http.HttpLimits;
import io.walrelay.proxy.http.HttpServer;
import io.walrelay.proxy.metrics.RelayMetrics;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.proxy.testkit.TakenOrders;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the dashboard says of a relay of which all is known: each number and each line, and what becomes of them when the archive breaks and a timeline
 * is left.
 *
 * <pre>
 *   timeline 1  0/1000000 ────── 0/100C000 ────╳ 0/1010000      upstream was told 0/100F000: acknowledged WAL is past the fork
 *   timeline 2                       └──
 * </pre>
 */
@Timeout(120)
final class DashboardContentIT {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    private Path profile;

    @TempDir
    private Path directory;

    @Test
    void eachNumberIsWhereItBelongs() throws Exception {
        Path archive = Files.createDirectory(directory.resolve("archive"));
        try (Browser browser = Browser.start(profile);
                KnownRelay relay = KnownRelay.withArchive(Files.createDirectory(directory.resolve("data")), archive);
                WalVerifier verifier = cache(relay).verifier(KnownRelay.BEGAN, new NoRemedy());
                Archiver archiver = cache(relay).archive().orElseThrow().archiver(verifier, true, new Unheard());
                HttpServer server = serve(relay)) {
            verifier.start();
            archiver.start();
            // As housekeeping does, which finds out who needs what.
            assertEquals(List.of(), cache(relay).retain(KnownRelay.NOW).free());
            Page page = browser.open().size(1440, 900);
            page.go("http://127.0.0.1:%d/".formatted(server.address().getPort()));
            page.awaitText("#link", "live");

            positions(page);
            lag(page);
            slotsAndTheHorizon(page);
            readSome(cache(relay));
            awaitRow(page, "tiers", "memory | 64.0 kB of 1.00 MB | 100 % | 100 %");
            awaitRow(page, "tiers", "disk | 1.00 MB of 1.00 TB | 0 % | 0 %");
            awaitRow(page, "tiers", "archive | in step | 0 % | 0 %");
            Files.move(archive, directory.resolve("away"));
            Files.createFile(archive);
            leave(cache(relay));
            timelines(page);
            archiveFault(page);
            assertEquals(List.of(), page.complaints());
        }
    }

    private static void positions(Page page) {
        awaitRow(page, "positions", "upstream’s end | 0/1011000 | 4.00 kB ahead");
        awaitRow(page, "positions", "received | 0/1010000 | 0 B");
        awaitRow(page, "positions", "written | 0/1010000 | 0 B");
        awaitRow(page, "positions", "flushed | 0/1010000 | 0 B");
        awaitRow(page, "positions", "acknowledged | 0/100F000 | 4.00 kB");
        awaitRow(page, "positions", "archived | 0/1000000 | 64.0 kB");
        awaitRow(page, "positions", "oldest on disk | 0/1000000 | 64.0 kB");
    }

    /** Of the one that streams: in the table by stage, on its edge what it has replayed. */
    private static void lag(Page page) {
        page.awaitText("#standbys-table", "a");
        assertEquals("0 B 0 s", cell(page, "Sent"));
        assertEquals("4.00 kB 5 ms", cell(page, "Written"));
        assertEquals("8.00 kB 20 ms", cell(page, "Flushed"));
        assertEquals("16.0 kB –", cell(page, "Replayed"), "how long is not known");
        String edges = page.evaluate("[...document.querySelectorAll('#flow .edge text')].map(edge => edge.textContent).join('|')").asString();
        assertTrue(edges.contains("4.00 kB behind"), () -> "upstream's: " + edges);
        assertTrue(edges.contains("16.0 kB · –"), () -> "a's: " + edges);
        assertTrue(edges.contains("32.0 kB kept"), () -> "b's, which is away: " + edges);
        page.evaluate("document.querySelector('#lag-stage input[value=write]').click()");
        page.awaitText("#lag-legend", "4.00 kB · 5 ms");
        Await.until(
                "the curve of seconds",
                LIMIT,
                () -> page.evaluate("document.querySelector('#lag-seconds .uplot').getAttribute('aria-label')").asString(),
                text -> text.matches("(?i)(?=.*seconds)(?=.*writ).*: now 5 ms.*"));
    }

    private static void slotsAndTheHorizon(Page page) {
        awaitRow(page, "slots", "a | 16.0 kB of 16.0 kB | 0/100C000 | in use…");
        awaitRow(page, "slots", "b | 32.0 kB of 16.0 kB | 0/1008000 | unused · extended…");
        page.awaitText("#slots-count", "2, of which 1 in use");
        // What b keeps beyond its quota holds nobody up.
        page.awaitText("#horizon", "The disk is kept from 0/100C000 on by slot “a”.");
    }

    private static void leave(WalCache cache) throws IOException {
        TimelineHistory next = cache.end().lineage().promoted(TimelineId.of(2), Lsn.parse("0/100C000"), "no recovery target specified");
        cache.follow(next, next.format().getBytes(StandardCharsets.US_ASCII), Lsn.parse("0/100F000"));
    }

    /** The way on is a line to its end; what lost is broken off, from the same place. */
    private static void timelines(Page page) {
        page.awaitText("#timelines", "followed now");
        String drawn =
                "[...document.querySelectorAll('#timelines svg.tree > *')].map(part => `${part.tagName}.${part.getAttribute('class')} ${part.textContent}`.trim()).join('|')";
        String tree = Await.until("the tree", LIMIT, () -> page.evaluate(drawn).asString(), text -> text.contains("orphan"));
        for (String part : List.of(
                "path.branch ancestor", "path.branch current", "path.branch orphan_acknowledged", "path.end orphan_acknowledged", "circle.end current",
                "circle.fork current", "circle.fork orphan_acknowledged", "text.where 0/100C000", "text.number TL 2", "text.number TL 1 orphan")) {
            assertTrue(List.of(tree.split("\\|", -1)).contains(part), () -> part + " in " + tree);
        }
        assertEquals(fork(page, "current"), fork(page, "orphan_acknowledged"), "both part from timeline 1 at one place");
        page.awaitText("#timelines", "orphan that was acknowledged: commits may be lost");
    }

    private static String fork(Page page, String branch) {
        return page.evaluate("(fork => `${fork.getAttribute('cx')} ${fork.getAttribute('cy')}`)(document.querySelector('#timelines circle.fork.%s'))".formatted(branch)).asString();
    }

    private static void archiveFault(Page page) {
        page.awaitText("#problems li.bad", "archive ");
        page.awaitText("#flow", "can’t be written");
        String problem = page.evaluate("document.querySelector('#problems li.bad span').textContent").asString();
        assertEquals("archive | %s | 0 % | 0 %".replace("%s", problem), row(page, "tiers", "archive"));
    }

    /** The words of a row's cells, without what stands smaller below the first. */
    private static String row(Page page, String table, String name) {
        return page.evaluate("""
                [...document.querySelectorAll('#%s tbody tr')]
                  .map(row => [...row.children].map((cell, i) => (i === 0 ? cell.firstElementChild : cell).textContent.trim()))
                  .find(cells => cells[0] === '%s')?.join(' | ') ?? ''
                """.formatted(table, name)).asString();
    }

    /** @param expected with … at the end: more may come */
    private static void awaitRow(Page page, String table, String expected) {
        String name = expected.substring(0, expected.indexOf(" | "));
        Await.until("the row \"%s\" of %s".formatted(expected, table), LIMIT, () -> row(page, table, name), seen -> expected.endsWith("…") ? seen.startsWith(expected.replace("…", "")) : seen.equals(expected));
    }

    /** Of the row of the standby a. */
    private static String cell(Page page, String column) {
        return page.evaluate("[...document.querySelectorAll('#standbys tbody tr')].find(row => row.querySelector('span').textContent === 'a').querySelector('[data-title=%s]').innerText"
                .formatted(column)).asString().replaceAll("\\s+", " ").strip();
    }

    private static WalCache cache(KnownRelay relay) {
        return relay.state().cache().orElseThrow();
    }

    /** As a standby's stream would. */
    private static void readSome(WalCache cache) throws Exception {
        try (WalCursor cursor = cache.openCursor()) {
            cursor.read(cache.end().lineage(), KnownRelay.BEGAN, KnownRelay.WRITTEN, 8_192).release();
        }
    }

    private static HttpServer serve(KnownRelay relay) throws IOException {
        var open = new HttpSettings(new HostPort("127.0.0.1", 0), Optional.empty(), List.of(), false);
        RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, KnownRelay.NO_PACING);
        return HttpServer.start(open, HttpLimits.DEFAULT, relay.state(), KnownRelay.PROCESS, metrics, TakenOrders.IGNORED, _ -> CompletableFuture.completedFuture(false));
    }

    /** The WAL is whole. */
    private static final class NoRemedy implements WalVerifier.Remedy {
        @Override
        public void found(WalVerifier.Damage damage) {
            throw new AssertionError(damage);
        }

        @Override
        public WalVerifier.Again fetchAgain(WalVerifier.Damage damage, Lsn from, Lsn end) {
            return WalVerifier.Again.SAME;
        }

        @Override
        public void lasting(WalVerifier.Damage damage, WalVerifier.Again why) {
            throw new AssertionError(damage);
        }
    }

    /** The page is to say it. */
    private static final class Unheard implements Archiver.Listener {
        @Override
        public void conflict(String file, String key) {}

        @Override
        public void gap(Lsn from, Lsn to) {}

        @Override
        public void failed(String reason) {}

        @Override
        public void recovered() {}
    }
}
