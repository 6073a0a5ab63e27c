package io.walrelay.rewind.journal;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/** Files that are open for writing, the few that were used last: blocks come file by file, or from a few at once. Confined to one thread. */
final class OpenFiles implements Closeable {

    private static final int MOST = 64;

    private final Disk disk;
    private final Map<Path, Disk.File> files = new LinkedHashMap<>(MOST, 0.75f, true);

    OpenFiles(Disk disk) {
        this.disk = disk;
    }

    /** Stays open until others crowd it out: not to be kept. */
    Disk.File get(Path path) throws IOException {
        Disk.File known = files.get(path);
        if (known != null) {
            return known;
        }
        if (files.size() == MOST) {
            Iterator<Disk.File> oldest = files.values().iterator();
            Disk.File file = oldest.next();
            oldest.remove();
            file.close();
        }
        Disk.File file = disk.open(path);
        files.put(path, file);
        return file;
    }

    /** Names change: a file that is open may be another's, or nobody's, by then. */
    @Override
    public void close() throws IOException {
        for (Iterator<Disk.File> all = files.values().iterator(); all.hasNext(); ) {
            Disk.File file = all.next();
            all.remove();
            file.close();
        }
    }
}
