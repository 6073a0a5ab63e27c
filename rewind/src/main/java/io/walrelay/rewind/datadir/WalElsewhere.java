package io.walrelay.rewind.datadir;

import io.walrelay.wal.SegmentId;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where else than in a data directory its WAL may be: an archive, a relay. Asked on one thread at a time. */
public interface WalElsewhere {

    /** Those of a segment. */
    interface Bytes extends Closeable {

        /** Puts those from {@code at} on, counted from the segment's beginning, into {@code into}; some of them, none or -1 when there are no more. */
        int read(ByteBuffer into, long at) throws IOException;

        /** A file's, which goes with this. */
        static Bytes of(FileChannel file) {
            return new Bytes() {
                @Override
                public int read(ByteBuffer into, long at) throws IOException {
                    return file.read(into, at);
                }

                @Override
                public void close() throws IOException {
                    file.close();
                }
            };
        }
    }

    /** For a directory that has all there is. */
    WalElsewhere NOWHERE = new WalElsewhere() {
        @Override
        public @Nullable Bytes open(SegmentId segment, String name) {
            return null;
        }

        @Override
        public Optional<byte[]> read(String name) {
            return Optional.empty();
        }
    };

    /**
     * The segment; null when it is not there either. Who asks closes it.
     *
     * @throws IOException if it could not look
     */
    @Nullable Bytes open(SegmentId segment, String name) throws IOException;

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
            public @Nullable Bytes open(SegmentId segment, String name) throws IOException {
                Bytes found = first.open(segment, name);
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
