package io.walrelay.cache;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The records of the relay's history from a place on, from whichever tier has them. Waits for the disk and the archive, so not for an event
 * loop. Confined to its owner's thread; closed by it.
 */
public final class HeldRecords implements AutoCloseable {

    /** An archive that takes longer can't be asked. */
    private static final int ARCHIVE_SECONDS = 60;

    /** No tier has WAL that comes next. */
    public static final class GoneException extends IOException {
        private static final long serialVersionUID = 1;

        private final transient Lsn at;

        private GoneException(WalNotHeldException why) {
            super(why.getMessage(), why);
            this.at = why.at();
        }

        public Lsn at() {
            return at;
        }
    }

    private final WalCache cache;
    private final TimelineHistory lineage;
    private final WalCursor cursor;
    private final WalReader reader;

    /** @param from the beginning of a segment */
    HeldRecords(WalCache cache, Lsn from) {
        this.cache = cache;
        this.lineage = cache.end().lineage();
        this.cursor = cache.openCursor();
        this.reader = WalReader.open(this::read, new WalIdentity(cache.system(), cache.segmentSize(), lineage), from);
    }

    /** Whether the relay is still on the history that is read; if not, what is read next may be another's. */
    public boolean isOfTheRelay() {
        return !cache.isChangingTimeline() && cache.end().lineage().equals(lineage);
    }

    public TimelineHistory lineage() {
        return lineage;
    }

    /**
     * Moves to the next record.
     *
     * @return false when there is none so far; may be asked again
     * @throws GoneException when no tier has it, though there is WAL after it
     * @throws IOException when a tier that may have it can't be asked, or what is there is no log
     */
    public boolean next() throws IOException {
        if (reader.end().isPresent()) {
            reader.again();
        }
        if (reader.next()) {
            return true;
        }
        if (reader.end().orElseThrow() instanceof WalEnd.Flaw flaw) {
            throw new IOException(flaw.message());
        }
        return false;
    }

    /** Stands on the record that {@link #next} moved to. */
    public WalReader reader() {
        return reader;
    }

    private int read(Lsn at, ByteBuffer into) throws IOException {
        Lsn end = Lsn.min(cache.end().written(), at.plus(into.remaining()));
        if (!at.isBefore(end)) {
            return 0;
        }
        while (true) {
            try {
                WalSlice slice = cursor.read(cache.end().lineage(), at, end, into.remaining());
                try {
                    return copy(slice, into);
                } finally {
                    slice.release();
                }
            } catch (TimelineChangingException e) {
                return 0; // Whoever reads sees that the history is another, and begins again.
            } catch (WalNotHeldException e) {
                throw new GoneException(e);
            } catch (WalOnItsWayException e) {
                await(e);
            }
        }
    }

    private static int copy(WalSlice slice, ByteBuffer into) throws IOException {
        int length = slice.length();
        ByteBuffer part = into.slice(into.position(), length);
        switch (slice) {
            case WalSlice.InMemory(var bytes) -> bytes.getBytes(bytes.readerIndex(), part);
            case WalSlice.InFile(var file, var offset, _) -> {
                while (part.hasRemaining()) {
                    int before = part.position();
                    int n = file.read(part.slice(), (long) offset + before);
                    if (n <= 0) {
                        throw new IOException("segment %s ends before offset %d".formatted(file.id(), offset + length));
                    }
                    part.position(before + n);
                }
            }
        }
        into.position(into.position() + length);
        return length;
    }

    private static void await(WalOnItsWayException fetching) throws IOException {
        try {
            var _ = fetching.arrival().toCompletableFuture().get(ARCHIVE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            // The cursor says what was wrong when it is asked again.
            return;
        } catch (TimeoutException e) {
            throw new IOException("the archive did not answer within %d s: %s".formatted(ARCHIVE_SECONDS, fetching.getMessage()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted: " + fetching.getMessage(), e);
        }
    }

    @Override
    public void close() {
        cursor.close();
    }
}
