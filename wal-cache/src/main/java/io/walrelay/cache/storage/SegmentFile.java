package io.walrelay.cache.storage;

import io.netty.util.AbstractReferenceCounted;
import io.netty.util.IllegalReferenceCountException;
import io.netty.util.ReferenceCounted;
import io.walrelay.wal.SegmentId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.function.Consumer;

/**
 * A segment that is open for reading, shared by the sessions that read it and closed when the last lets go. It stays
 * readable when the segment is renamed or deleted meanwhile. Thread-safe.
 */
public final class SegmentFile extends AbstractReferenceCounted {

    private final SegmentId id;
    private final Storage.File file;
    private final Consumer<SegmentFile> whenClosed;
    private volatile boolean retired;

    /** @param whenClosed told when the last reader has let go, before {@code file} is closed */
    public SegmentFile(SegmentId id, Storage.File file, Consumer<SegmentFile> whenClosed) {
        this.id = id;
        this.file = file;
        this.whenClosed = whenClosed;
    }

    public SegmentId id() {
        return id;
    }

    /** For sendfile. Not to be closed. */
    public FileChannel channel() {
        return file.channel();
    }

    /** Fills {@code into} from {@code offset}; returns the number of bytes, fewer only at the end of the file. */
    public int read(ByteBuffer into, long offset) throws IOException {
        return file.read(into, offset);
    }

    /** Writes over what is there, durably: for bytes that turned out to be damaged. */
    public void overwrite(ByteBuffer bytes, long offset) throws IOException {
        file.write(bytes, offset);
        file.sync();
    }

    /** Whether the name that it was opened under may belong to another file by now: new readers have to look again. */
    public boolean isRetired() {
        return retired;
    }

    public void retire() {
        retired = true;
    }

    /** Takes one more reference unless the last is gone already. */
    public boolean tryRetain() {
        try {
            retain();
            return true;
        } catch (IllegalReferenceCountException e) {
            return false;
        }
    }

    @Override
    protected void deallocate() {
        whenClosed.accept(this);
        try {
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException("could not close segment file " + id, e);
        }
    }

    @Override
    public ReferenceCounted touch(Object hint) {
        return this;
    }
}
