package io.walrelay.cache.archive;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * What relays and people say to each other in the archive: what has to stay there, and what is going.
 *
 * <pre>
 *   SYSTEM/pins/NAME         what is kept whatever its age: {@link Pin}
 *   SYSTEM/deletions/NAME    what is being deleted: {@link Deletion}
 * </pre>
 *
 * <p>Who deletes announces it before he looks for pins; who pins puts the pin before he looks for deletions. So one of the two sees the other. An object
 * is never changed. Thread-safe; blocks for as long as the store does.
 */
public final class ArchiveNotes {

    private static final String PINS = "pins";
    private static final String DELETIONS = "deletions";

    /** Bytes; a deletion has a line for each of a thousand files. */
    private static final int LONGEST = 1 << 20;

    /** Pins move hourly, and a look takes a moment. */
    private static final int LOOKS = 20;

    @FunctionalInterface
    private interface Form<T> {
        /** @throws IllegalArgumentException when {@code text} has not this form */
        T parse(String name, String text);
    }

    private record Kind<T>(String directory, String what, Form<T> form) {}

    private static final Kind<Pin> PIN = new Kind<>(PINS, "pin", Pin::parse);
    private static final Kind<Deletion> DELETION = new Kind<>(DELETIONS, "deletion", Deletion::parse);

    private final Archive archive;
    private final ObjectStore store;
    private final String system;
    private final Path spool;

    ArchiveNotes(Archive archive, ObjectStore store, String system, Path spool) {
        this.archive = archive;
        this.store = store;
        this.system = system;
        this.spool = spool;
    }

    /** Whether such are in this directory of a cluster's, which is no lineage's then. */
    static boolean areIn(String directory) {
        return directory.equals(PINS) || directory.equals(DELETIONS);
    }

    /**
     * What is kept whatever its age, in the order of their names.
     *
     * @throws DamagedObjectException when one of the objects is no pin: nobody knows what it keeps
     */
    public List<Pin> pins() throws IOException {
        return all(PIN);
    }

    /** Empty when there is none. */
    public Optional<Pin> pin(String name) throws IOException {
        Optional<Pin> pin = read(PIN, name);
        if (pin.isEmpty()) {
            archive.requireMark();
        }
        return pin;
    }

    /**
     * Puts a pin.
     *
     * @return false when the name is taken; nothing was changed then
     */
    public boolean pin(Pin pin) throws IOException {
        return put(key(PINS, pin.name()), pin.text());
    }

    /**
     * Takes a pin away, also one that can't be read.
     *
     * @return false when there is none
     */
    public boolean unpin(String name) throws IOException {
        String key = key(PINS, name);
        if (store.find(key).isEmpty()) {
            archive.requireMark();
            return false;
        }
        store.delete(key);
        return true;
    }

    /** What is being deleted, by whomever. */
    public List<Deletion> deletions() throws IOException {
        return all(DELETION);
    }

    /**
     * Says what is going to be deleted.
     *
     * @return false when the name is taken; nothing was changed then
     */
    public boolean announce(Deletion deletion) throws IOException {
        return put(key(DELETIONS, deletion.name()), deletion.text());
    }

    /** The deletion is over. */
    public void withdraw(Deletion deletion) throws IOException {
        store.delete(key(DELETIONS, deletion.name()));
    }

    private String key(String directory, String name) {
        return "%s/%s/%s".formatted(system, directory, name);
    }

    /** As they all were at one moment: one that moves meanwhile, put anew before the old one goes, could be missed under both its names. */
    private <T> List<T> all(Kind<T> kind) throws IOException {
        for (int look = 0; look < LOOKS; look++) {
            archive.requireMark();
            Map<String, T> found = new TreeMap<>();
            for (String name : names(kind.directory)) {
                read(kind, name).ifPresent(note -> found.put(name, note));
            }
            if (found.keySet().equals(names(kind.directory))) {
                return List.copyOf(found.values());
            }
        }
        throw new IOException("%s/%s/%s changes all the time".formatted(store, system, kind.directory));
    }

    private Set<String> names(String directory) throws IOException {
        return Set.copyOf(store.children(system + "/" + directory));
    }

    private <T> Optional<T> read(Kind<T> kind, String name) throws IOException {
        String key = key(kind.directory, name);
        Optional<InputStream> object = store.get(key);
        if (object.isEmpty()) {
            return Optional.empty();
        }
        try (InputStream in = object.get()) {
            return Optional.of(kind.form.parse(name, new String(in.readNBytes(LONGEST), StandardCharsets.UTF_8)));
        } catch (IllegalArgumentException e) {
            throw new DamagedObjectException("%s/%s is no %s: %s".formatted(store, key, kind.what, e.getMessage()), e);
        }
    }

    private boolean put(String key, String text) throws IOException {
        archive.requireMark();
        Path object = Files.createTempFile(spool, "note", null);
        try {
            Files.writeString(object, text);
            return store.putIfAbsent(key, object);
        } finally {
            Files.deleteIfExists(object);
        }
    }
}
