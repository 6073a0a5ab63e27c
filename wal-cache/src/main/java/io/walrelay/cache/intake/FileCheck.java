package io.walrelay.cache.intake;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.FirstPage;
import io.walrelay.wal.format.PageHeader;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Whether a file is what its name and its folder say: a pure function of its length and its first bytes. */
final class FileCheck {

    /** What is to be read of each file: all of a backup's, the first page of a segment's. */
    static final int HEAD = PageHeader.PAGE_SIZE;

    private FileCheck() {}

    /**
     * Why the file is not taken; empty when nothing speaks against it.
     *
     * @param head its first {@link #HEAD} bytes, or all
     */
    static Optional<String> refusal(ArchivedName name, SystemId system, long length, byte[] head) {
        return switch (name.file()) {
            case WalFileName.Segment(var id) -> segment(name, id, system, length, head);
            case WalFileName.Partial(var id) -> segment(name, id, system, length, head);
            case WalFileName.Backup(var id, _) -> backup(name, id, length, head);
            case WalFileName.History _ -> Optional.empty();
        };
    }

    private static Optional<String> segment(ArchivedName name, SegmentId id, SystemId system, long length, byte[] head) {
        if (length != name.size().bytes()) {
            return Optional.of(Packed.byContent(head)
                    .map(Packed::refusal)
                    .orElseGet(() -> "it has %d bytes; expected %d, the size of the cluster's segments".formatted(length, name.size().bytes())));
        }
        return FirstPage.flaw(head, new WalIdentity(system, name.size(), name.lineage()), id.start(name.size())).map(WalEnd::message);
    }

    /** The only thing that a backup's file says of where it belongs is the segment that the backup began in. */
    private static Optional<String> backup(ArchivedName name, SegmentId id, long length, byte[] head) {
        String expected = "(file %s)".formatted(new WalFileName.Segment(id).fileName(name.size()));
        String text = new String(head, StandardCharsets.UTF_8);
        return length <= HEAD && text.startsWith("START WAL LOCATION: ") && text.lines().findFirst().orElse("").endsWith(expected)
                ? Optional.empty()
                : Optional.of("it is no backup history; expected a first line \"START WAL LOCATION: … %s\"".formatted(expected));
    }
}
