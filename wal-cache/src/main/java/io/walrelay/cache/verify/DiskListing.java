package io.walrelay.cache.verify;

import io.walrelay.cache.KnownWal;
import io.walrelay.cache.Orphan;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Looks up what the data directory has. */
final class DiskListing {

    /** A change of timeline takes milliseconds; where it does not end, nobody is at work. */
    private static final int LOOKS = 5;

    private final Storage storage;
    private final DurableFiles durable;
    private final Findings findings;

    DiskListing(Storage storage, Findings findings) {
        this.storage = storage;
        this.durable = new DurableFiles(storage);
        this.findings = findings;
    }

    /** Files change places with the relay's lineage: what is listed belongs to the one that is returned. */
    KnownWal list(Inventory inventory, KnownWal first) throws IOException {
        KnownWal known = first;
        for (int look = 1; ; look++) {
            List<StoredFile> files = new ArrayList<>();
            List<Problem> problems = new ArrayList<>();
            own(known, inventory, files, problems);
            for (Orphan orphan : known.orphans()) {
                orphans(orphan, inventory, files, problems);
            }
            strangers(known.orphans(), problems);
            KnownWal after = KnownWal.read(durable).orElse(known);
            if (after.equals(known) && known.settled() || look == LOOKS) {
                if (!after.settled()) {
                    findings.unread(Tier.DISK.word(), "a change of timeline is not finished; start the relay, which finishes it", Optional.empty());
                }
                files.forEach(inventory::add);
                problems.forEach(findings::problem);
                return known;
            }
            known = after;
        }
    }

    private void own(KnownWal known, Inventory inventory, List<StoredFile> files, List<Problem> problems) throws IOException {
        String directory = KnownWal.directory();
        List<String> names = storage.list(directory);
        if (names.isEmpty() && !storage.exists(directory)) {
            throw new IOException("the data directory has no %s; is it mounted?".formatted(directory));
        }
        for (String name : names) {
            if (!KnownWal.isInTheMaking(name)) {
                place(directory, name, known.lineage(), inventory, files, problems);
            }
        }
        histories(known.lineage()).map(timeline -> new WalFileName.History(timeline).fileName(inventory.size()))
                .filter(name -> !names.contains(name))
                .forEach(name -> problems.add(new Problem.MissingHistory(directory + "/" + name, "the local disk has not got it")));
    }

    /** The timelines on the way that have a history: standbys ask for all of them. */
    private static Stream<TimelineId> histories(TimelineHistory lineage) {
        return Stream.concat(lineage.ancestors().stream().map(TimelineHistory.Ancestor::timeline), Stream.of(lineage.timeline()))
                .filter(timeline -> !lineage.upTo(timeline).ancestors().isEmpty());
    }

    private void strangers(List<Orphan> orphans, List<Problem> problems) throws IOException {
        Set<String> known = orphans.stream().map(KnownWal::directoryOf).collect(Collectors.toSet());
        for (String name : storage.list(KnownWal.orphansDirectory())) {
            String directory = KnownWal.orphansDirectory() + "/" + name;
            if (!known.contains(directory)) {
                storage.list(directory).forEach(file -> problems.add(new Problem.UnknownFile(directory + "/" + file, "the relay knows of no such orphan")));
            }
        }
    }

    private void orphans(Orphan orphan, Inventory inventory, List<StoredFile> files, List<Problem> problems) throws IOException {
        String directory = KnownWal.directoryOf(orphan);
        for (String name : storage.list(directory)) {
            if (!KnownWal.isInTheMaking(name)) {
                place(directory, name, orphan.lineage(), inventory, files, problems);
            }
        }
    }

    private void place(String directory, String name, TimelineHistory lineage, Inventory inventory, List<StoredFile> files, List<Problem> problems)
            throws IOException {
        if (KnownWal.isIndex(name, inventory.size())) {
            return;
        }
        String path = directory + "/" + name;
        Optional<WalFileName> parsed = WalFileName.parse(name, inventory.size());
        if (parsed.isEmpty()) {
            problems.add(new Problem.UnknownFile(path, "not a name of PostgreSQL's"));
        } else if (!lineage.contains(parsed.get().timeline())) {
            problems.add(new Problem.UnknownFile(path, "timeline %s is not in the history of lineage %s".formatted(parsed.get().timeline(), lineage.id())));
        } else if (parsed.get() instanceof WalFileName.History history) {
            checkHistory(path, lineage.upTo(history.timeline()), problems);
        } else {
            files.add(new StoredFile(Tier.DISK, path, lineage.upTo(parsed.get().timeline()), parsed.get(), false));
        }
    }

    private void checkHistory(String path, TimelineHistory expected, List<Problem> problems) throws IOException {
        Optional<byte[]> bytes = durable.readPlain(path);
        if (bytes.isPresent()) {
            whatIsWrong(expected, new String(bytes.get(), StandardCharsets.UTF_8)).ifPresent(wrong -> problems.add(new Problem.MissingHistory(path, wrong)));
        }
    }

    /** What is wrong with a history's text, if it is not this one's. Reasons are free text, and may differ. */
    private static Optional<String> whatIsWrong(TimelineHistory expected, String text) {
        try {
            TimelineHistory found = TimelineHistory.parse(expected.timeline(), text);
            return found.id().equals(expected.id())
                    ? Optional.empty()
                    : Optional.of("it is the history of lineage %s; expected %s".formatted(found.id(), expected.id()));
        } catch (IllegalArgumentException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }
}
