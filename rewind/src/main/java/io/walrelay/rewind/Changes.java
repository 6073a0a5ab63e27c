package io.walrelay.rewind;

import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.rewind.journal.Space;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** How the changes of one target begin and go on: on this machine's disk, or in a test on one that forgets what was not synced. */
interface Changes {

    /** Of {@code target}, with the journal where {@code journal} says. */
    static Changes of(Path target, Optional<Path> journal) {
        return new Changes() {
            @Override
            public Leftover leftover() throws IOException {
                return DirectoryChange.leftover(target, journal);
            }

            @Override
            public DirectoryChange begin(byte[] plan, Space space) throws IOException {
                return DirectoryChange.begin(target, journal, plan, space);
            }

            @Override
            public Optional<DirectoryChange> resume() throws IOException {
                return DirectoryChange.resume(target, journal);
            }
        };
    }

    /** As {@link DirectoryChange#leftover}. */
    Leftover leftover() throws IOException;

    /** As {@link DirectoryChange#begin}. */
    DirectoryChange begin(byte[] plan, Space space) throws IOException;

    /** As {@link DirectoryChange#resume}. */
    Optional<DirectoryChange> resume() throws IOException;
}
