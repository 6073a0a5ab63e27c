package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;
import java.io.IOException;

/**
 * How far a log is valid, as recovery after a crash asks.
 *
 * <p>Invariant: {@code lastRecordEnd ≤ continuedTo} when the former is valid.
 *
 * @param lastRecordEnd the end of the last record whose checksum was verified; {@link Lsn#INVALID} when there was none
 * @param continuedTo how far an unfinished record after it can be followed by valid page headers; without one, the same as
 *     {@code lastRecordEnd}. The bytes of such a record are unverified: a crash may have kept its last page and lost one
 *     before, so this may be kept as far as it is known to be flushed, and no further
 * @param reason why there is no more
 */
public record ProvenEnd(Lsn lastRecordEnd, Lsn continuedTo, WalEnd reason) {

    /**
     * Reads from {@code start}, as {@link WalReader#open} takes it, to the end of what is valid.
     *
     * @throws IOException what the source threw: then nothing is known about the end
     */
    public static ProvenEnd find(WalSource source, WalIdentity identity, Lsn start) throws IOException {
        WalReader reader = WalReader.open(source, identity, start);
        WalEnd reason = reader.skipToEnd();
        return new ProvenEnd(reader.lastRecordEnd(), reader.continuedTo(), reason);
    }
}
