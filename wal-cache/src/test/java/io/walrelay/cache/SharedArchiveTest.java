package io.walrelay.cache;

import static io.walrelay.cache.Caches.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ArchiveNotes;
import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.Deletion;
import io.walrelay.cache.archive.Pin;
import io.walrelay.cache.intake.FolderImport;
import io.walrelay.cache.retention.ArchiveRetention.Need;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Folder;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Who needs WAL of an archive says so there, and is heard whatever others do in the same moment. */
class SharedArchiveTest extends KeptArchive {

    /** Of each other's slots relays know only what the archive says. */
    @Test
    void aRelayKeepsWhatAnotherNeeds() throws Exception {
        CrashableStorage otherDisk = new CrashableStorage();
        try (Relay relay = create(new CrashableStorage());
                Relay other = create(otherDisk)) {
            relay.receiveAll();
            other.cache.slots().create("far", false, segment(4), 1);
            other.receiveAll();
            other.keep(Optional.empty());
            age();
            ArchiveKeeping.Status status = relay.keep(HOUR);
            firstIsArchived(4);
            assertTrue(status.horizon().orElseThrow() instanceof Need.Pin pin && pin.name().startsWith("relay_"), status::toString);
            assertEquals(ORIGIN, other.archiver.status().from());
            other.keep(Optional.empty());
            assertEquals(segment(4), other.archiver.status().from(), "it sees what the other has deleted");
            assertEquals(2, relay.pins().all().size(), () -> "one for each relay: " + store.keys());
            other.cache.slots().drop("far", 1);
            other.cache.retain(LONG_AFTER);
            other.keep(Optional.empty());
            relay.keep(HOUR);
            firstIsArchived(OLD);
            assertEquals(2, relay.pins().all().size(), () -> "one for each relay: " + store.keys());
        }
    }

    /** The store hangs while the first is deleted; whoever pins then is told, and has no pin that keeps nothing. */
    @Test
    void aPinIsRefusedWhileWhatItNeedsIsDeleted() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            CountDownLatch go = new CountDownLatch(1);
            store.hangFor(key -> key.equals(archivedKey(0)), go);
            try (ArchiveKeeping keeping = relay.keeping(HOUR)) {
                keeping.start();
                relay.await(() -> store.hanging() > 0);
                Instant now = Instant.now();
                refused("is being deleted from the archive", () -> relay.pins().create("late", Optional.of(segment(OLD - 1)), Optional.empty(), "", now));
                Pin pin = relay.pins().create("kept", Optional.of(segment(OLD)), Optional.empty(), "", now);
                go.countDown();
                relay.await(keeping::isIdle);
                firstIsArchived(OLD);
                assertEquals(List.of(pin), relay.pins().all().stream().filter(it -> !it.name().startsWith("relay_")).toList());
            }
            assertTrue(store.keys().stream().noneMatch(key -> key.contains("/deletions/")), store.keys()::toString);
        }
    }

    /** The pin comes after the archive was listed. */
    @Test
    void whoPinsBeforeItIsDeletedIsHeard() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            CountDownLatch go = new CountDownLatch(1);
            store.hangFor(key -> key.endsWith(wal.history().directoryName()), go);
            try (ArchiveKeeping keeping = relay.keeping(HOUR)) {
                keeping.start();
                relay.await(() -> store.hanging() > 0);
                relay.pins().create("early", Optional.of(segment(3)), Optional.empty(), "", Instant.now());
                go.countDown();
                relay.await(keeping::isIdle);
                firstIsArchived(3);
            }
        }
    }

    /** The pin comes after the deletion was decided, and before it was announced. */
    @Test
    void whatIsNotDeletedAfterAllIsClaimedOn() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            CountDownLatch go = new CountDownLatch(1);
            store.hangFor(key -> key.contains("/deletions/"), go);
            try (ArchiveKeeping keeping = relay.keeping(HOUR)) {
                keeping.start();
                relay.await(() -> store.hanging() > 0);
                relay.pins().create("early", Optional.of(segment(3)), Optional.empty(), "", Instant.now());
                go.countDown();
                relay.await(keeping::isIdle);
                firstIsArchived(0);
                assertEquals(ORIGIN, relay.archiver.status().from());
            }
            relay.keep(HOUR);
            firstIsArchived(3);
            assertEquals(segment(3), relay.archiver.status().from());
        }
    }

    /** Another relay might delete it in the same moment. */
    @Test
    void theDiskCountsOnTheArchiveOnlyOnceOthersKnowWhatThisRelayNeeds() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        try (Relay relay = create(disk);
                ArchiveKeeping keeping = relay.keeping(Optional.empty())) {
            relay.receiveAll();
            assertEquals(ORIGIN, relay.cache.oldest());
            keeping.start();
            relay.await(keeping::isIdle);
            relay.cache.retain(LONG_AFTER);
            assertTrue(relay.cache.oldest().isAfter(segment(OLD)), () -> "freed up to " + relay.cache.oldest());
        }
        store.failFor(key -> true);
        try (Relay relay = new Relay(WalCache.open(tiers(disk)).orElseThrow());
                ArchiveKeeping keeping = relay.keeping(Optional.empty())) {
            keeping.start();
            assertTrue(keeping.isKnown(), "it is remembered, also while the archive is away");
        }
    }

    @Test
    void acknowledgedWalPastAForkIsPinnedToo() throws Exception {
        Lsn fork = wal.lastRecordEndAt(segment(6).plus(300_000));
        WalCraft next = wal.promoted(new TimelineId(2), fork).randomRecords(100, 300_000);
        try (Relay relay = create(new CrashableStorage());
                Relay other = create(new CrashableStorage())) {
            relay.receiveAll();
            other.receiveAll();
            relay.cache.follow(next.history(), Caches.historyText(next.history()), wal.end());
            relay.keep(Optional.empty());
            assertTrue(relay.pins().all().stream().anyMatch(pin -> pin.isAt(wal.history(), fork)), () -> "pins: " + store.keys());
            age();
            other.keep(HOUR);
            firstIsArchived(6);
            relay.cache.acceptOrphans();
            relay.keep(Optional.empty());
            assertTrue(relay.pins().all().stream().noneMatch(pin -> pin.isAt(wal.history(), fork)), () -> "pins: " + store.keys());
        }
    }

    @Test
    void whileAFolderIsImportedNothingIsDeleted() throws Exception {
        Folder folder = new Folder(spool.resolve("not-there-yet"));
        try (Relay relay = create(new CrashableStorage());
                Relay other = create(new CrashableStorage());
                FolderImport coming = relay.cache.archive().orElseThrow().folderImport(folder, new Imports()).orElseThrow()) {
            relay.receiveAll();
            other.receiveAll();
            age();
            coming.start();
            ArchiveKeeping.Status status = relay.keep(HOUR);
            firstIsArchived(0);
            assertTrue(status.horizon().orElseThrow() instanceof Need.Import from && from.folder().equals(folder.toString()), status::toString);
            other.keep(HOUR);
            firstIsArchived(0);
            Files.createDirectory(spool.resolve("not-there-yet"));
            relay.await(() -> coming.status().ended());
            relay.keep(HOUR);
            firstIsArchived(OLD);
        }
    }

    private ArchiveNotes notes(Relay relay) throws IOException {
        return relay.cache.archive().orElseThrow().wal().archive().notes();
    }

    private Deletion announcedByAnother(int... segments) {
        int directory = (Caches.SYSTEM + "/").length();
        return new Deletion("relay_other.1", Arrays.stream(segments).mapToObj(n -> archivedKey(n).substring(directory)).collect(Collectors.toSet()));
    }

    /** It was announced before the pins were there, and stops when the other sees them. Only the archive has what is needed. */
    @Test
    void whatAnotherDeletesIsNotCountedOnUntilItIsSeenWhatWent() throws Exception {
        try (Relay relay = create(new CrashableStorage());
                FolderImport coming = relay.cache.archive().orElseThrow().folderImport(new Folder(spool.resolve("not-there-yet")), new Imports()).orElseThrow()) {
            relay.receiveAll();
            coming.start();
            assertTrue(relay.cache.oldest().isAfter(segment(OLD)) && !coming.status().ended());
            Deletion deletion = announcedByAnother(0, 1, 2);
            assertTrue(notes(relay).announce(deletion));
            try (ArchiveKeeping keeping = relay.keeping(Optional.empty())) {
                keeping.start();
                relay.await(keeping::isIdle);
                assertTrue(keeping.status().problem().orElse("").contains("deletions/relay_other.1, to delete 3 files"), () -> keeping.status().toString());
                assertFalse(keeping.isKnown());
                assertEquals(segment(3), relay.archiver.status().from());
                store.delete(archivedKey(0));
                notes(relay).withdraw(deletion);
                relay.await(keeping::isKnown);
                assertEquals(segment(1), relay.archiver.status().from());
            }
        }
    }

    @Test
    void whatAnotherHasDeletedAndTheDiskHasIsArchivedAgain() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.cache.slots().create("far", false, segment(0), 1);
            relay.receiveAll();
            Deletion deletion = announcedByAnother(0);
            assertTrue(notes(relay).announce(deletion));
            try (ArchiveKeeping keeping = relay.keeping(Optional.empty())) {
                keeping.start();
                relay.await(keeping::isIdle);
                store.delete(archivedKey(0));
                notes(relay).withdraw(deletion);
                relay.await(() -> keeping.isKnown() && store.keys().contains(archivedKey(0)));
            }
        }
    }

    @Test
    void whatAnotherDeletesAndNobodyHereNeedsIsNotWaitedFor() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            assertTrue(notes(relay).announce(announcedByAnother(0, 1, 2)));
            assertEquals(Optional.empty(), relay.keep(Optional.empty()).problem());
            assertEquals(ORIGIN, relay.archiver.status().from());
        }
    }

    @Test
    void anImportBeginsWhenNobodyDeletesAnyMore() throws Exception {
        Folder folder = new Folder(Files.createDirectory(spool.resolve("old")));
        Files.writeString(spool.resolve("old/0000000100000000000000F1.gz"), "compressed");
        try (Relay relay = create(new CrashableStorage());
                FolderImport coming = relay.cache.archive().orElseThrow().folderImport(folder, new Imports()).orElseThrow()) {
            relay.receiveAll();
            Deletion deletion = announcedByAnother(0);
            assertTrue(notes(relay).announce(deletion));
            try (ArchiveKeeping keeping = relay.keeping(Optional.empty())) {
                coming.start();
                keeping.start();
                relay.await(keeping::isIdle);
                assertEquals(0, coming.status().settled());
                notes(relay).withdraw(deletion);
                relay.await(() -> coming.status().ended());
                assertTrue(keeping.isKnown());
            }
        }
    }

    @Test
    void aNeedThatIsOlderOrOnAnotherLineageIsNotCoveredByWhatWasSaid() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        ArchiveTier tier = tiers(disk).archive().orElseThrow();
        RelayPins pins = RelayPins.load(new DurableFiles(disk), "a test", tier);
        Need five = new Need.Disk(wal.history(), segment(5));
        assertFalse(pins.cover(List.of(five)));
        pins.say(tier.of(Caches.SYSTEM), List.of(five, new Need.Slot("s", wal.history(), segment(4))), Instant.now());
        assertTrue(pins.cover(List.of(five)));
        assertFalse(pins.cover(List.of(five, new Need.Slot("s", wal.history(), segment(3)))), "a slot went back");
        assertFalse(pins.cover(List.of(new Need.Disk(wal.history().promoted(new TimelineId(2), segment(9), ""), segment(5)))));
    }

    /** Pins are named by the time; a clock that is set back finds names taken, and goes on. */
    @Test
    void aClockThatIsSetBackMovesThePinNevertheless() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        ArchiveTier tier = tiers(disk).archive().orElseThrow();
        RelayPins pins = RelayPins.load(new DurableFiles(disk), "a test", tier);
        Instant now = Instant.now();
        for (int n = 0; n < 3; n++) {
            pins.say(tier.of(Caches.SYSTEM), List.of(new Need.Disk(wal.history(), segment(n))), now.minusSeconds(n / 2));
            List<Pin> said = tier.of(Caches.SYSTEM).notes().pins();
            assertEquals(List.of(segment(n)), said.stream().map(Pin::from).toList());
        }
    }

    private static final class Imports implements FolderImport.Listener {
        @Override
        public void refused(String file, String reason) {}

        @Override
        public void conflict(String file, String key) {}

        @Override
        public void failed(String reason) {}

        @Override
        public void ended(FolderImport.Status status) {}
    }
}
