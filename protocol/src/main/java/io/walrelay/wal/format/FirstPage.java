package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;
import java.util.Optional;

/** Whether a file is the segment that its name says, as far as the header of its first page tells. */
public final class FirstPage {

    private FirstPage() {}

    /**
     * What is wrong with the header as that of the segment that begins at {@code start}; empty when nothing is.
     *
     * @param bytes from the file's beginning, {@link PageHeader#LONG_SIZE} or more
     * @param identity whose log it should be; its history ends with the timeline in the file's name
     */
    public static Optional<WalEnd.Flaw> flaw(byte[] bytes, WalIdentity identity, Lsn start) {
        return Optional.ofNullable(new PageRules(identity.segmentSize(), identity.systemId(), identity.history()).check(bytes, 0, start.value()));
    }
}
