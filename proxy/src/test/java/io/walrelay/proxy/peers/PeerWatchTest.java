package io.walrelay.proxy.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.Slots;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.PeerSettings;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.PeerAnswer;
import io.walrelay.proxy.http.PeerAnswer.Left;
import io.walrelay.proxy.http.PeerAnswer.PeerSlot;
import io.walrelay.proxy.state.PeerStatus.State;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.FakeRelay;
import io.walrelay.proxy.testkit.KnownRelay;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A relay on timeline 1 that has WAL from 0/1000000 to 0/1010000, and a peer that says what the test wants. */
class PeerWatchTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String SYSTEM = "7000000000000000001";
    private static final HttpSettings HTTP = new HttpSettings(
            new HostPort("127.0.0.1", 8433),
            Optional.empty(),
            List.of(new HttpSettings.Token(Secret.utf8("all"), false), new HttpSettings.Token(Secret.utf8("look"), true)),
            false);

    @TempDir
    private Path directory;

    @SuppressWarnings("NullAway.Init") // set before each test
    private KnownRelay relay;

    @SuppressWarnings("NullAway.Init") // set before each test
    private FakeRelay peer;

    @SuppressWarnings("NullAway.Init") // set before each test
    private Peers peers;

    @BeforeEach
    void start() throws Exception {
        relay = KnownRelay.streaming(directory.resolve("data"));
        peer = FakeRelay.serving(directory);
    }

    @AfterEach
    void stop() throws IOException {
        peers.close();
        peer.close();
        relay.close();
    }

    private Slots slots() {
        return relay.state().cache().orElseThrow().slots();
    }

    private static FakeRelay.Answer says(String id, String system, long timeline, List<Left> history, PeerSlot... slots) {
        return FakeRelay.status(200, "application/json", Json.MAPPER.writeValueAsString(new PeerAnswer(id, system, timeline, history, List.of(slots))));
    }

    private static FakeRelay.Answer has(PeerSlot... slots) {
        return says("peer", SYSTEM, 1, List.of(), slots);
    }

    private static PeerSlot slot(String name, String restart) {
        return new PeerSlot(name, Optional.of(restart), true, true, false, 0, Optional.empty());
    }

    /** Once all answers were given: the state after the last. What comes then is no answer to the question. */
    private void awaitAll(FakeRelay.Answer... answers) throws IOException {
        peer.next(answers);
        peers = Peers.of(new PeerSettings(List.of(URI.create(peer.url() + "/")), Optional.empty()), HTTP, relay.state());
        peers.start();
        Await.until("the questions", LIMIT, () -> peer.requests().size(), asked -> asked > answers.length);
    }

    private List<String> events() {
        return relay.state().events().recent().stream().map(e -> e.kind() + ": " + e.text()).toList();
    }

    private void awaitEvent(String text) {
        Await.until("an event with " + text, LIMIT, this::events, all -> all.stream().anyMatch(event -> event.contains(text)));
    }

    private Peers asking(HttpSettings http) throws IOException {
        return Peers.of(new PeerSettings(List.of(URI.create(peer.url())), Optional.empty()), http, relay.state());
    }

    @Test
    void anAnswerThatComesWhenAnotherOneAsksCountsNoMore() throws Exception {
        CountDownLatch late = new CountDownLatch(1);
        peer.next((out, _) -> {
            late.await();
            FakeRelay.refusal(500, "too late").write(out, peer);
        });
        Peers old = asking(HTTP);
        old.start();
        Await.until("the question", LIMIT, () -> peer.requests().size(), asked -> asked > 0);
        Thread hanging = Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().equals("peer-" + URI.create(peer.url()).getAuthority())).findFirst().orElseThrow();
        old.close();
        peer.next(has(), has(), has(), has());
        peers = asking(HTTP);
        peers.start();
        awaitEvent("slots are kept in step");
        late.countDown();
        assertTrue(hanging.join(LIMIT));
        assertTrue(events().stream().noneMatch(event -> event.contains("too late")), () -> events().toString());
    }

    @Test
    void thoseThatAreOnlyMadeReadySayNothing() throws Exception {
        awaitAll(has());
        Await.until("an answer", LIMIT, () -> relay.state().peers().getFirst().state(), state -> state != State.UNKNOWN);
        assertTrue(asking(HTTP).asAre(peers));
        assertNotEquals(State.UNKNOWN, relay.state().peers().getFirst().state());
        assertFalse(asking(new HttpSettings(HTTP.address(), HTTP.tls(), List.of(), false)).asAre(peers));
    }

    @Test
    void aRenewedCertificateIsAnotherOneAndTheSameBytesAreNot() throws Exception {
        peers = asking(HTTP);
        peers.start();
        Certificates certificates = Certificates.in(directory);
        Certificates.Pair own = certificates.issue("relay");
        PeerSettings settings = new PeerSettings(List.of(URI.create("https://127.0.0.1:1")), Optional.of(certificates.authority()));
        HttpSettings http = new HttpSettings(
                HTTP.address(), Optional.of(new TlsSettings(own.certificate(), own.key(), Optional.empty())), HTTP.tokens(), false);
        Peers before = Peers.of(settings, http, relay.state());
        Files.write(own.certificate(), Files.readAllBytes(own.certificate()));
        assertTrue(Peers.of(settings, http, relay.state()).asAre(before));
        for (Path file : List.of(certificates.authority(), own.certificate(), own.key())) {
            Peers asBefore = Peers.of(settings, http, relay.state());
            Files.writeString(file, "\n", StandardOpenOption.APPEND);
            assertFalse(Peers.of(settings, http, relay.state()).asAre(asBefore), file.toString());
        }
    }

    @Test
    void itsSlotsComeMoveAndGo() throws IOException {
        awaitAll(has(slot("s", "0/1002000"), slot("old", "0/FFF000")), has(slot("s", "0/1003000"), slot("old", "0/FFF000")), has(slot("s", "0/1004000")));
        Slot mirror = slots().find("s").orElseThrow();
        assertEquals("0/1004000", mirror.restartLsn().toString());
        assertEquals(peer.url(), mirror.home().elsewhere().orElseThrow().url());
        assertEquals(Optional.empty(), slots().find("old"));
        String not = "slot \"old\" of %s can't be kept here yet: it needs WAL from 0/FFF000 on, and this relay has it from 0/1000000 on".formatted(peer.url());
        assertEquals(1, events().stream().filter(event -> event.contains(not)).count(), "said once");
        assertTrue(peer.requests().stream().allMatch(r -> r.target().equals("/api/v1/peer") && "Bearer look".equals(r.headers().get("authorization"))), "the token that can do least");

        // Whatever is no answer says nothing of slots.
        awaitEvent("can't be asked, so its slots stay here as they are");
        assertEquals(Optional.of(mirror.restartLsn()), slots().find("s").map(Slot::restartLsn));
        assertEquals(State.AWAY, relay.state().peers().getFirst().state());
        peer.next(has());
        awaitEvent("slot \"s\" keeps nothing any more");
        assertEquals(Optional.empty(), slots().find("s"));
    }

    @Test
    void anotherClusterOrHistoryIsRefused() throws IOException {
        awaitAll(
                says("peer", "7000000000000000002", 1, List.of(), slot("s", "0/1002000")),
                says("peer", SYSTEM, 3, List.of(new Left(2, "0/1001000")), slot("s", "0/1002000")));
        awaitEvent("is not mirrored: its WAL is of cluster 7000000000000000002, this relay's of cluster " + SYSTEM);
        awaitEvent("and neither came from the other");
        assertEquals(Optional.empty(), slots().find("s"));
    }

    @Test
    void itselfIsNoPeer() throws IOException {
        awaitAll(says(slots().relayId(), SYSTEM, 1, List.of(), slot("s", "0/1002000")));
        awaitEvent("it is this relay itself");
        assertEquals(Optional.empty(), slots().find("s"));
    }

    @Test
    void aWrongAnswerIsRefusedAsAWholeAndTheNextOneTaken() throws IOException {
        awaitAll(has(slot("s", "0/1002000"), slot("t", "0/1002000"), slot("t", "0/1002000")), has(slot("t", "0/1003000")));
        awaitEvent("slot \"t\" is there twice");
        assertEquals(Optional.empty(), slots().find("s"));
        assertEquals("0/1003000", slots().find("t").orElseThrow().restartLsn().toString());
    }

    @Test
    void whatIsNoAnswerIsSaid() throws IOException {
        awaitAll(FakeRelay.status(200, "application/json", "[]"));
        awaitEvent("is this a relay's HTTP port?");
        assertEquals(List.of("a", "b"), slots().all().stream().map(Slot::name).toList());
    }
}
