package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.WalrelayCommand;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RewindRehearsalTest {

    /** What a part says that was played to its end: a rehearsal that fails costs every rewind a part of a second, and nobody would see why. */
    @Test
    void allOfItIsPlayed() {
        Programs.Result played = WalrelayCommand.run(Duration.ofMinutes(1), Map.of(), RewindRehearsal.NAME);
        String output = played.orFail();
        assertTrue(output.contains("this is a rehearsal"), output);
        assertTrue(output.contains("name=000000010000000000000001"), output);
        assertTrue(output.contains("relation=1663/5/16384"), output);
        assertTrue(output.contains("\"outcome\":\"planned\""), output);
    }
}
