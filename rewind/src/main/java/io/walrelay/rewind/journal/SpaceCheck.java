package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Whether the file systems have the room that a change will need. */
final class SpaceCheck {

    /** What a journal takes besides old bytes: a frame that is not full, the reserve, the plan. */
    private static final long OWN = 4 << 20;

    private final Disk disk;

    SpaceCheck(Disk disk) {
        this.disk = disk;
    }

    /**
     * @param locations of the data directory
     * @param apart whether the journal has a file system of its own, so that nothing can be renamed into it
     */
    void require(Path journalParent, Locations locations, Space space, boolean apart) throws IOException {
        Map<Object, Long> needed = new LinkedHashMap<>();
        Map<Object, Path> examples = new LinkedHashMap<>();
        // Each block comes with its own record, or the file that it is in is kept whole if two thirds of it change.
        add(needed, examples, journalParent, OWN + space.oldBytes() + space.oldBytes() / 2 + (apart ? space.replacedBytes() : 0));
        for (Map.Entry<String, Long> grows : space.newBytes().entrySet()) {
            // As a directory that something is put into: a link is followed.
            Path inside = locations.of(grows.getKey().isEmpty() ? "x" : grows.getKey() + "/x").path();
            add(needed, examples, Disk.parentOf(inside), grows.getValue());
        }
        for (Map.Entry<Object, Path> example : examples.entrySet()) {
            Path path = example.getValue();
            long bytes = needed.getOrDefault(example.getKey(), 0L);
            long free = disk.freeBytes(path);
            if (free < bytes) {
                throw new NotEnoughSpaceException("the file system of %s (%s) has %d MB free; a change of this size, which keeps all old bytes until it is done, needs %d MB"
                        .formatted(path, example.getKey(), free >> 20, (bytes >> 20) + 1));
            }
        }
    }

    private void add(Map<Object, Long> needed, Map<Object, Path> examples, Path path, long bytes) throws IOException {
        if (disk.look(path).isEmpty()) {
            add(needed, examples, Disk.parentOf(path), bytes);
            return;
        }
        Object fileSystem = disk.fileSystem(path);
        needed.merge(fileSystem, bytes, Long::sum);
        examples.putIfAbsent(fileSystem, path);
    }
}
