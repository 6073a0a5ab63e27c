package io.walrelay.proxy.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.proxy.acknowledge.Standing;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.wal.Lsn;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SyncStateTest {

    private static final Positions SOMEWHERE = new Positions(Lsn.parse("0/5000000"), Lsn.parse("0/5000000"), Lsn.INVALID);

    /** The standby that is asked about has the slot a, and calls itself as the second column says. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "own                | a | a b | 0 | async",
        "all (b, c)         | x | b c | 0 | async",
        "all (b, a)         | x | b   | 2 | sync",
        "all (b, A)         | x | b   | 2 | sync",
        "any 1 (b, a)       | x | b   | 1 | quorum",
        "any 1 (b, x)       | x | b   | 1 | quorum",
        "any 1 (b, X)       | x | b   | 1 | quorum",
        "first 1 (b, a)     | x | a b | 2 | potential",
        "first 1 (b, a)     | x | a   | 2 | sync",
        "first 2 (b, a, c)  | x | b a | 2 | sync",
        // The slot goes before the name.
        "first 1 (x, b, a)  | x | b a | 3 | potential",
    })
    void isWhatThePolicyMakesOfAStandby(String policy, String name, String connected, int priority, String state) {
        AcknowledgePolicy parsed = AcknowledgePolicy.parse(policy);
        Set<String> there = Set.of(connected.split(" ", -1));
        Acknowledgement now = Acknowledgement.of(
                parsed,
                SOMEWHERE,
                parsed.members().stream().map(member -> new Standing(member, there.contains(AcknowledgePolicy.key(member)), SOMEWHERE)).toList(),
                Positions.NONE);
        assertEquals(new SyncState(priority, state), SyncState.of(now, KnownRelay.standby(41, name)));
    }
}
