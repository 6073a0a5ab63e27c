package io.walrelay.proxy.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PrintedLinesTest {

    private static Optional<String> missing(String output, String... expected) {
        return new PrintedLines(List.of(expected)).missingIn(output);
    }

    @Test
    void aLineIsWhole() {
        assertEquals(Optional.empty(), missing("waiting\nboth, new\ndone\n", "both, new"));
        assertEquals(Optional.of("both, new"), missing("both, new, old\n", "both, new"));
        assertEquals(Optional.of("both, new"), missing("not both, new\n", "both, new"));
    }

    @Test
    void linesComeInTheirOrderEachOnce() {
        assertEquals(Optional.empty(), missing("1\n2\n1\n", "1", "1"));
        assertEquals(Optional.of("1"), missing("1\n2\n", "1", "1"));
        assertEquals(Optional.of("1"), missing("1\n2\n", "2", "1"));
    }

    @Test
    void anEllipsisIsAnything() {
        assertEquals(Optional.empty(), missing("walrelay rewind: nothing to put back: no rewind of /x is unfinished\n", "…nothing to put back…"));
        assertEquals(Optional.empty(), missing("a (1+1)* b\n", "a (1+1)* …"));
        assertEquals(Optional.of("nothing…"), missing("there is nothing\n", "nothing…"));
    }
}
