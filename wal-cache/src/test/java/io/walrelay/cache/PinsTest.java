package io.walrelay.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.Pin;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Whoever is told that a pin keeps something has that pin, whatever becomes of other requests for the same. */
class PinsTest extends KeptArchive {

    private static Pin create(Relay relay, int segment) throws PinRefusedException, IOException {
        return relay.pins().create("weekly", Optional.of(segment(segment)), Optional.empty(), "", Instant.EPOCH);
    }

    /** The first request hangs while it looks for the WAL, and fails after the second was answered. */
    @Test
    void aPinThatWasToldToKeepWalStaysWhenTheFirstRequestForItFails() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            relay.keep(Optional.empty());
            relay.cache.retain(LONG_AFTER);
            assertTrue(relay.cache.oldest().isAfter(segment(3)), "only the archive has it");
            CountDownLatch go = new CountDownLatch(1);
            store.hangFor(key -> key.equals(archivedKey(3)), go);
            CompletableFuture<Pin> first = CompletableFuture.supplyAsync(() -> {
                try {
                    return create(relay, 3);
                } catch (PinRefusedException | IOException e) {
                    throw new CompletionException(e);
                }
            });
            relay.await(() -> store.hanging() > 0);
            store.hangFor(key -> false, go);
            Pin second = create(relay, 3);
            store.failFor(key -> key.equals(archivedKey(3)));
            go.countDown();
            assertInstanceOf(IOException.class, assertThrows(CompletionException.class, first::join).getCause());
            store.failFor(key -> false);
            assertTrue(relay.pins().all().contains(second), () -> "pins: " + store.keys());
        }
    }

    @Test
    void aPinThatNobodyHasFoundToKeepAnythingIsNotTakenForOneThatDoes() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            Lsn before = segment(-2);
            Pin unproved = new Pin("weekly", wal.history(), before, Instant.EPOCH, "");
            assertTrue(relay.cache.archive().orElseThrow().wal().archive().notes().pin(unproved));
            refused("has WAL at " + before, () -> create(relay, -2));
            assertEquals(List.of(unproved), relay.pins().all(), "another relay may have the WAL");
            store.failFor(key -> key.equals(archivedKey(-2)));
            assertThrows(IOException.class, () -> create(relay, -2));
        }
    }

    /** Its request has been refused, or somebody has dropped it, while another looked for the WAL. */
    @Test
    void aPinThatWentMeanwhileIsNotSaidToBeThere() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            relay.keep(Optional.empty());
            relay.cache.retain(LONG_AFTER);
            CountDownLatch go = new CountDownLatch(1);
            store.hangFor(key -> key.equals(archivedKey(3)), go);
            AtomicReference<Throwable> failure = new AtomicReference<>();
            Thread request = Thread.ofVirtual().start(() -> {
                try {
                    var _ = create(relay, 3);
                } catch (PinRefusedException | IOException e) {
                    failure.set(e);
                }
            });
            relay.await(() -> store.hanging() > 0);
            assertTrue(relay.pins().drop("weekly"));
            go.countDown();
            request.join();
            IOException vanished = assertInstanceOf(IOException.class, failure.get());
            assertTrue(String.valueOf(vanished.getMessage()).contains("vanished"), vanished::toString);
        }
    }
}
