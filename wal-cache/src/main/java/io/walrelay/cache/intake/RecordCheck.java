package io.walrelay.cache.intake;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.storage.Folder;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.util.Optional;

/**
 * Whether all records of a folder's segment are whole: pages, chain, checksums. The last goes on in the next segment, if the folder has that; what goes
 * on from the segment before is looked at with that one. Confined to one thread.
 */
final class RecordCheck implements AutoCloseable {

    private final Folder folder;
    private final SegmentSize size;
    private final SegmentId id;
    private final SeekableByteChannel file;
    private final Optional<SeekableByteChannel> next;

    private RecordCheck(Folder folder, SegmentSize size, SegmentId id) throws IOException {
        this.folder = folder;
        this.size = size;
        this.id = id;
        this.file = folder.openChannel(fileName(id));
        this.next = openNext();
    }

    /**
     * What is wrong with the records; empty when nothing is.
     *
     * @param name a segment's, of the right length
     */
    static Optional<WalEnd.Flaw> flaw(Folder folder, ArchivedName name, SegmentId id, SystemId system) throws IOException {
        try (RecordCheck check = new RecordCheck(folder, name.size(), id)) {
            return check.flaw(new WalIdentity(system, name.size(), name.lineage()));
        }
    }

    private Optional<SeekableByteChannel> openNext() throws IOException {
        String name = fileName(new SegmentId(id.timeline(), id.number() + 1));
        try {
            return folder.has(name) ? Optional.of(folder.openChannel(name)) : Optional.empty();
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    private String fileName(SegmentId segment) {
        return new WalFileName.Segment(segment).fileName(size);
    }

    private Optional<WalEnd.Flaw> flaw(WalIdentity identity) throws IOException {
        Lsn end = id.end(size);
        WalReader reader = WalReader.open(this::read, identity, id.start(size));
        while (reader.next() && reader.lastRecordEnd().isBefore(end)) {
            // On to the next.
        }
        // What is no WAL behind the end is no fault of this file's.
        return reader.end().flatMap(why -> why instanceof WalEnd.Flaw flaw && flaw.at().isBefore(end) ? Optional.of(flaw) : Optional.empty());
    }

    private int read(Lsn at, ByteBuffer into) throws IOException {
        boolean here = at.isBefore(id.end(size));
        if (!here && next.isEmpty()) {
            return 0;
        }
        SeekableByteChannel channel = here ? file : next.get();
        int room = Math.min(into.remaining(), size.bytes() - size.offset(at));
        int n = channel.position(size.offset(at)).read(into.slice(into.position(), room));
        into.position(into.position() + Math.max(n, 0));
        return n;
    }

    @Override
    public void close() throws IOException {
        try (file) {
            if (next.isPresent()) {
                next.get().close();
            }
        }
    }
}
