package io.walrelay.rewind;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import java.io.IOException;
import java.nio.file.Path;

/** Makes a change of a data directory up to its commit, and puts the directory back when anything fails before that. */
final class WholeChange {

    /** What is done, but for the commit. */
    @FunctionalInterface
    interface Work {
        /** @return the configuration to commit */
        byte[] run() throws IOException, RefusedException;
    }

    private final Path directory;
    private final DirectoryChange change;
    private final RewindListener listener;

    WholeChange(Path directory, DirectoryChange change, RewindListener listener) {
        this.directory = directory;
        this.change = change;
        this.listener = listener;
    }

    /** @throws IOException whose message says so when the directory is neither as it was nor changed to the end */
    void make(Work work) throws IOException, RefusedException {
        try {
            change.commit(work.run());
        } catch (IOException | RefusedException | RuntimeException | Error e) {
            if (change.isOver()) {
                throw new IOException("%s is changed, and only what kept its old state could not be removed, which the next %s does: %s"
                        .formatted(directory, change.command(), e), e);
            }
            putBack(e);
            throw e;
        }
    }

    private void putBack(Throwable why) throws IOException {
        try {
            listener.info("putting the target back as it was");
            change.undo();
        } catch (IOException | RuntimeException | Error e) {
            why.addSuppressed(e);
            throw new IOException("%s; and %s is half changed, since it could not be put back (%s): no server starts on it; run: %s --undo"
                    .formatted(why.getMessage(), directory, e, change.command()), why);
        }
    }
}
