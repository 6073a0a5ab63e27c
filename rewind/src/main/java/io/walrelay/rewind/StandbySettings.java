package io.walrelay.rewind;

import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Space;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/** Makes a server a standby (PostgreSQL: fe_utils/recovery_gen.c, WriteRecoveryConfig): a line or two in postgresql.auto.conf, of which the last counts, and standby.signal. */
final class StandbySettings {

    private StandbySettings() {}

    /** {@code configuration} with these lines after it. */
    static byte[] append(byte[] configuration, String lines) {
        byte[] added = lines.getBytes(StandardCharsets.UTF_8);
        boolean open = configuration.length > 0 && configuration[configuration.length - 1] != '\n';
        ByteBuffer all = ByteBuffer.allocate(configuration.length + (open ? 1 : 0) + added.length);
        all.put(configuration);
        if (open) {
            all.put((byte) '\n');
        }
        return all.put(added).array();
    }

    /** Of a server that needs nothing else. */
    static void write(DataDirectory directory, Optional<Path> journal, String lines, RewindListener listener) throws IOException, RefusedException {
        try (DirectoryChange change = DirectoryChange.begin(directory.path(), journal, new byte[0], Space.LITTLE)) {
            new WholeChange(directory.path(), change, listener).make(() -> {
                change.replace("standby.signal", directory.fileMode()).close();
                return append(change.configuration().orElse(new byte[0]), lines);
            });
        }
    }
}
