package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is left of earlier changes of a directory. The sentinel decides: while it is there, the directory is half changed, and the journal
 * must be there as well; without it, the journal is only in the way.
 */
final class Remains {

    private final Disk disk;
    private final Home home;
    private final Journal.@Nullable Header header;
    private final Leftover leftover;

    private Remains(Disk disk, Home home, Journal.@Nullable Header header, Leftover leftover) {
        this.disk = disk;
        this.home = home;
        this.header = header;
        this.leftover = leftover;
    }

    /**
     * Only looks.
     *
     * @throws IOException sentinel and journal contradict each other
     */
    static Remains of(Disk disk, Home home) throws IOException {
        Path directory = home.directory();
        Configuration configuration = new Configuration(disk, directory);
        Path journal = home.journal();
        Optional<Journal.Header> header = Journal.header(disk, home);
        boolean sentinel = configuration.isSentinel();
        if (header.isEmpty()) {
            if (sentinel) {
                throw new IOException("%s is half changed by an earlier run, but its journal %s is not there; bring it back, name its place with --journal, or make the directory anew"
                        .formatted(directory, journal));
            }
            return new Remains(disk, home, null, disk.look(journal).isPresent() ? Leftover.FINISHED : Leftover.NONE);
        }
        if (!header.get().directory().equals(directory)) {
            throw new IOException("the journal %s is one of %s; move the directory back to where it was, its journal with it"
                    .formatted(journal, header.get().directory()));
        }
        if (!sentinel && !Journal.isFinishing(disk, home) && !configuration.isStill(header.get().configuration())) {
            throw new IOException("%s has been written although the change that %s belongs to is unfinished; put the line %s back, or remove the journal to keep the directory as it is"
                    .formatted(directory.resolve(Configuration.NAME), journal, Sentinel.text(home)));
        }
        return new Remains(disk, home, header.get(), sentinel ? Leftover.UNFINISHED : Leftover.FINISHED);
    }

    Leftover leftover() {
        return leftover;
    }

    /** The journal of a change that is unfinished. */
    Journal open() throws IOException {
        if (header == null) {
            throw new IllegalStateException("%s has no journal".formatted(home.directory()));
        }
        return Journal.open(disk, home, header);
    }

    /** Removes what is left of a change that is finished, or that never began. */
    void clear() throws IOException {
        if (header == null) {
            Journal.discard(disk, home.journal());
        } else {
            Journal.remove(disk, home, header);
        }
        if (leftover == Leftover.FINISHED) {
            Configuration configuration = new Configuration(disk, home.directory());
            configuration.discardPrepared();
            configuration.sync();
        }
    }
}
