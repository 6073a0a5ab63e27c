package io.walrelay.rewind.datadir;

import io.walrelay.wal.SegmentId;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where else than in a data directory its WAL may be: an archive, a relay. Asked on one thread at a time. */
public interface WalElsewhere {

    /** For a directory that has all there is. */
    WalElsewhere NOWHERE = new WalElsewhere() {
        @Override
        public @Nullable FileChannel open(SegmentId segment, String name) {
            return null;
        }

        @Override
        public Optional<byte[]> read(String name) {
            return Optional.empty();
        }
    };

    /**
     * An open file with the segment; null when it is not there either. Who asks closes it.
     *
     * @throws IOException if it could not look
     */
    @Nullable FileChannel open(SegmentId segment, String name) throws IOException;

    /**
     * A small file, such as a history; empty when it is not there.
     *
     * @throws IOException if it could not look
     */
    Optional<byte[]> read(String name) throws IOException;

    /** Here, and then there. */
    default WalElsewhere or(WalElsewhere next) {
        WalElsewhere first = this;
        return new WalElsewhere() {
            @Override
            public @Nullable FileChannel open(SegmentId segment, String name) throws IOException {
                FileChannel found = first.open(segment, name);
                return found == null ? next.open(segment, name) : found;
            }

            @Override
            public Optional<byte[]> read(String name) throws IOException {
                Optional<byte[]> found = first.read(name);
                return found.isPresent() ? found : next.read(name);
            }
        };
    }
}
