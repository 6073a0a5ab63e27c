package io.walrelay.proxy.relay;

import io.walrelay.cache.intake.FolderImport;
import io.walrelay.cache.intake.FolderImport.Outcome;
import io.walrelay.proxy.state.Events;
import java.util.concurrent.atomic.AtomicInteger;

/** Says what becomes of a folder that is imported. Thread-safe. */
final class Importing implements FolderImport.Listener {

    private static final String IMPORT = "archive-import";

    /** A folder of another cluster has as many foreign files as it has files. */
    private static final int TOLD_AT_MOST = 100;

    private final Events events;
    private final String folder;
    private final AtomicInteger told = new AtomicInteger();

    Importing(Events events, String folder) {
        this.events = events;
        this.folder = folder;
    }

    @Override
    public void refused(String file, String reason) {
        tell("%s/%s is not imported: %s".formatted(folder, file, reason));
    }

    @Override
    public void conflict(String file, String key) {
        tell("the archive has other bytes under the name %s of the same history than %s. The folder's are kept beside, as %s".formatted(file, folder, key));
    }

    private void tell(String text) {
        int number = told.incrementAndGet();
        if (number <= TOLD_AT_MOST) {
            events.warning(IMPORT, number < TOLD_AT_MOST ? text : text + "; further files of that folder are only counted");
        }
    }

    @Override
    public void failed(String reason) {
        events.warning(IMPORT, "%s can't be imported now, and is tried again: %s".formatted(folder, reason));
    }

    @Override
    public void ended(FolderImport.Status status) {
        String counts = "%d of %d files of %s were imported, %d were in the archive already, %d lie beside others, %d were refused"
                .formatted(
                        status.count(Outcome.IMPORTED),
                        status.files(),
                        folder,
                        status.count(Outcome.ALREADY_THERE),
                        status.count(Outcome.CONFLICT),
                        status.count(Outcome.REFUSED));
        int unreadable = status.count(Outcome.UNREADABLE);
        if (unreadable > 0) {
            events.warning(IMPORT, "%s; %d could not be read, and are tried again at the next start".formatted(counts, unreadable));
        } else {
            events.info(IMPORT, counts + "; it is not read again");
        }
    }
}
