package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Where a {@link WalReader} gets its bytes from: files, an archive, memory. Called on the reader's thread only. */
@FunctionalInterface
public interface WalSource {

    /**
     * Puts bytes of the log from {@code at} on into {@code into}, as many as it likes up to what remains there.
     *
     * @return how many; 0 or less when there is provably no byte at {@code at}, which is an end of WAL
     * @throws IOException if it could not look, which is not; it reaches the reader's caller as it is
     */
    int read(Lsn at, ByteBuffer into) throws IOException;
}
