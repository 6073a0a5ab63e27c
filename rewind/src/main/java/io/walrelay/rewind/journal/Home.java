package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Which directory is changed, and where its journal is: beside it, or in a place that was chosen since beside it is another file system.
 *
 * @param directory PGDATA, a real path
 * @param journal the journal's own directory
 * @param chosen whether somebody named the place, and has to again
 */
record Home(Path directory, Path journal, boolean chosen) {

    static final String SUFFIX = ".walrelay-rewind";

    static Home beside(Path directory) {
        return new Home(directory, directory.resolveSibling(directory.getFileName() + SUFFIX), false);
    }

    /** @param journals where the journal is kept; empty for beside the directory */
    static Home of(Disk disk, Path directory, Optional<Path> journals) throws IOException {
        Path real = disk.real(directory);
        return journals.isEmpty() ? beside(real) : new Home(real, disk.real(journals.get()).resolve(real.getFileName() + SUFFIX), true);
    }

    /** What holds the journal. */
    Path place() {
        return Disk.parentOf(journal);
    }

    /** What to run when the change is unfinished, as a line for the shell. */
    String command() {
        return "walrelay rewind -D " + Sentinel.word(directory.toString()) + (chosen ? " --journal " + Sentinel.word(place().toString()) : "");
    }
}
