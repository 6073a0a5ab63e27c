package io.walrelay.cache;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Optional;

/**
 * Where WAL is damaged for good, the first such place: the file {@code damage} in the data directory. Only by this does a relay that was started again
 * know of what it has verified before. Confined to one thread.
 */
public final class KnownDamage {

    private static final String PATH = "damage";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALDAMAG", 2);

    /** {@code at}: where the record starts, or the page, that is none. */
    public record Place(TimelineHistory lineage, Lsn at) {

        /** Whether {@code followed} has that record, and not one of its own there. */
        public boolean isOn(TimelineHistory followed) {
            return followed.reaches(lineage, at.plus(1));
        }

        /** Whether it was read again, and is good. What was skipped, for it was no longer held or nobody could be asked, proves nothing. */
        public boolean isGoodBy(WalVerifier.Verified read, SegmentSize size) {
            return isOn(read.lineage()) && read.from().isAtMost(size.startOf(at)) && read.upTo().isAfter(at);
        }

        /** The first of the two on the history of {@code found}, which is followed now. */
        public Place orBefore(Place found) {
            return isOn(found.lineage) && at.isBefore(found.at) ? this : found;
        }
    }

    private final DurableFiles files;

    KnownDamage(DurableFiles files) {
        this.files = files;
    }

    /** @throws IOException when the disk can't be asked, or the file is damaged itself */
    public Optional<Place> load() throws IOException {
        Optional<byte[]> body = files.read(PATH, FORMAT).filter(bytes -> bytes.length > 0);
        if (body.isEmpty()) {
            return Optional.empty();
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body.get()))) {
            return Optional.of(new Place(HistoryBytes.read(in), new Lsn(in.readLong())));
        }
    }

    /**
     * Durable when it returns. An earlier place stays.
     *
     * @throws IOException as {@link #load}: what can't be read may be an earlier place
     */
    public void remember(Place found) throws IOException {
        Optional<Place> known = load();
        Place first = known.map(it -> it.orBefore(found)).orElse(found);
        if (!known.equals(Optional.of(first))) {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            try (DataOutputStream out = new DataOutputStream(body)) {
                HistoryBytes.write(out, first.lineage);
                out.writeLong(first.at.value());
            }
            files.write(PATH, FORMAT, body.toByteArray());
        }
    }

    /** There is none any more, or nobody minds: also what the file says when it can't be read. */
    public void forget() throws IOException {
        if (!saysNothing()) {
            files.write(PATH, FORMAT, new byte[0]);
        }
    }

    private boolean saysNothing() {
        try {
            return load().isEmpty();
        } catch (IOException e) {
            return false;
        }
    }
}
