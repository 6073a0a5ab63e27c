package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.RefusedException;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SourceServersTest {

    @Test
    void aHostThatNobodyKnowsIsNamed() {
        RefusedException refused = assertThrows(
                RefusedException.class, () -> SourceServers.open("host=nobody.invalid user=u passfile=/dev/null", Map.of(), 1));
        assertEquals("the source server can't be reached: unknown host in \"nobody.invalid:5432\"", refused.getMessage());
    }

    /** It is asked for after a rewind, and whoever reads that it failed has to know that only this did. */
    @Test
    void aCheckpointThatCanNotBeMadeIsNoRewindThatFailed() {
        IOException failed = assertThrows(
                IOException.class, () -> SourceServers.checkpoint("host=127.0.0.1 port=1 user=u passfile=/dev/null", Map.of()));
        assertTrue(String.valueOf(failed.getMessage()).startsWith("the target is rewound, but the source made no checkpoint: the source server can't be reached: "), failed.getMessage());
    }
}
