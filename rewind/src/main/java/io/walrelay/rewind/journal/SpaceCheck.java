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

    /** @param locations of the data directory */
    void require(Path journalParent, Locations locations, Space space) throws IOException {
        Map<Object, Long> needed = new LinkedHashMap<>();
        Map<Object, Path> examples = new LinkedHashMap<>();
        // Each block comes with its own record, or the file that it is in is kept whole if two thirds of it change.
        add(needed, examples, journalParent, OWN + space.oldBytes() + space.oldBytes() / 2);
        for (Map.Entry<String, Long> grows : space.newBytes().entrySet()) {
            // As a directory that something is put into: a link is followed.
            Path inside = locations.of(grows.getKey().isEmpty() ? "x" : grows.getKey() + "/x").path();
            add(needed, examples, inside.getParent(), grows.getValue());
        }
        for (Map.Entry<Object, Long> fileSystem : needed.entrySet()) {
            Path path = examples.get(fileSystem.getKey());
            long free = disk.freeBytes(path);
            if (free < fileSystem.getValue()) {
                throw new NotEnoughSpaceException("the file system of %s (%s) has %d MB free; a change of this size, which keeps all old bytes until it is done, needs %d MB"
                        .formatted(path, fileSystem.getKey(), free >> 20, (fileSystem.getValue() >> 20) + 1));
            }
        }
    }

    private void add(Map<Object, Long> needed, Map<Object, Path> examples, Path path, long bytes) throws IOException {
        if (disk.look(path).isEmpty() && path.getParent() != null) {
            add(needed, examples, path.getParent(), bytes);
            return;
        }
        Object fileSystem = disk.fileSystem(path);
        needed.merge(fileSystem, bytes, Long::sum);
        examples.putIfAbsent(fileSystem, path);
    }
}
