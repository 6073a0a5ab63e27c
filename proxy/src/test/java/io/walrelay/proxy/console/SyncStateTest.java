package io.walrelay.proxy.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.proxy.acknowledge.Standing;
import io.walrelay.wal.Lsn;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SyncStateTest {

    private static final Positions SOMEWHERE = new Positions(Lsn.parse("0/5000000"), Lsn.parse("0/5000000"), Lsn.INVALID);

    /** A standby that speaks for the member in the second column; "-" for none. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "own                | - | a b | 0 | async",
        "all (b, c)         | - | b c | 0 | async",
        "all (b, a)         | a | b   | 2 | sync",
        "any 1 (b, a)       | a | b   | 1 | quorum",
        "first 1 (b, a)     | a | a b | 2 | potential",
        "first 1 (b, a)     | a | a   | 2 | sync",
        "first 2 (b, a, c)  | a | b a | 2 | sync",
    })
    void isWhatThePolicyMakesOfAStandby(String policy, String member, String connected, int priority, String state) {
        AcknowledgePolicy parsed = AcknowledgePolicy.parse(policy);
        Set<String> there = Set.of(connected.split(" ", -1));
        Acknowledgement now = Acknowledgement.of(
                parsed,
                SOMEWHERE,
                parsed.members().stream().map(name -> new Standing(name, there.contains(name), SOMEWHERE)).toList(),
                Positions.NONE);
        assertEquals(new SyncState(priority, state), SyncState.of(now, Optional.of(member).filter(name -> !name.equals("-"))));
    }
}
