package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.WalrelayCommand;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RewindRehearsalTest {

    /** What a part says that was played to its end: a rehearsal that fails costs every rewind a part of a second, and nobody would see why. */
    @Test
    void allOfItIsPlayed() {
        Programs.Result played = WalrelayCommand.run(Duration.ofMinutes(1), Map.of(), RewindRehearsal.NAME);
        String output = played.orFail();
        assertTrue(output.contains("this is a rehearsal"), output);
        assertTrue(output.contains("\"outcome\":\"planned\""), output);
        assertTrue(output.contains("\"outcome\":\"rewound\""), output);
        assertTrue(output.contains("\"target_wal\":{\"segments_indexed\":1,\"segments_read\":0}"), output);
        assertTrue(output.contains("\"source_wal\":{\"segments_indexed\":1,\"segments_read\":0}"), output);
        assertTrue(output.contains("walrelay rewind: log: INFO RewindRehearsal: a log line"), output);
        for (String action : List.of("copy", "copy_blocks", "remove")) {
            assertTrue(output.contains("\"action\":\"%s\"".formatted(action)), output);
        }
    }

    /** Where a log is asked for it is the relay's. */
    @Test
    void logsAsAsked() {
        Programs.Result played = WalrelayCommand.run(Duration.ofMinutes(1), Map.of("WALRELAY_LOG_FORMAT", "json"), RewindRehearsal.NAME);
        String output = played.orFail();
        assertTrue(output.contains("\"message\":\"a log line\""), output);
    }
}
