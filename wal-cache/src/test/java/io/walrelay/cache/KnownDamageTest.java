package io.walrelay.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class KnownDamageTest {

    private static final Lsn FIRST = Lsn.parse("0/1000028");
    private static final Lsn SECOND = Lsn.parse("0/2000028");

    private static KnownDamage on(CrashableStorage disk) {
        return new KnownDamage(new DurableFiles(disk));
    }

    @Test
    void theFirstPlaceIsRememberedOverAPowerLossUntilItIsForgotten() throws IOException {
        CrashableStorage disk = new CrashableStorage();
        on(disk).forget();
        assertEquals(Optional.empty(), on(disk).load());
        on(disk).remember(SECOND);
        on(disk).remember(FIRST);
        on(disk).remember(SECOND);
        CrashableStorage after = disk.crash(1);
        assertEquals(Optional.of(FIRST), on(after).load());
        on(after).forget();
        assertEquals(Optional.empty(), on(after.crash(2)).load());
    }
}
