package io.walrelay.proxy.feedback;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Xmins;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FeedbackPaceTest {

    /** Each as xmin/catalog_xmin; "-" for nothing sent yet. */
    @ParameterizedTest(name = "sent {0}, now {1}: at once {2}, with the interval {3}")
    @CsvSource({
        // The first of a stream: at once when it holds something, else with the interval; but it is sent.
        "-, 0/0, '', 0/0",
        "-, 700/0, 700/0, 700/0",
        "-, 0/600, 0/600, 0/600",
        // Nothing held, and upstream knows that.
        "0/0, 0/0, '', ''",
        // Said again as long as anything is held.
        "700/0, 700/0, '', 700/0",
        "0/600, 0/600, '', 0/600",
        // More is held: at once.
        "0/0, 700/0, 700/0, 700/0",
        "700/0, 700/600, 700/600, 700/600",
        // Less is held: with the interval.
        "700/0, 701/0, '', 701/0",
        "700/0, 0/0, '', 0/0",
        "700/600, 700/601, '', 700/601",
        "700/600, 700/0, '', 700/0",
        // An older xmin: upstream's slot takes it only when it has none. catalog_xmin stays meanwhile.
        "700/0, 690/0, 0/0 690/0, 0/0 690/0",
        "700/600, 690/600, 0/600 690/600, 0/600 690/600",
        "700/600, 690/605, 0/605 690/605, 0/605 690/605",
        "700/600, 690/0, 0/0 690/0, 0/0 690/0",
        // An older catalog_xmin is only said.
        "700/600, 700/590, 700/590, 700/590",
        "700/600, 701/590, 701/590, 701/590",
        // In 64 bits: from the end of one epoch to the beginning of the next is forward.
        "4294967290/0, 4294967300/0, '', 4294967300/0",
    })
    void sends(String sent, String now, String atOnce, String withTheInterval) {
        Optional<Xmins> before = sent.equals("-") ? Optional.empty() : Optional.of(parse(sent));
        assertEquals(atOnce, shown(FeedbackPace.due(before, parse(now), false)));
        assertEquals(withTheInterval, shown(FeedbackPace.due(before, parse(now), true)));
    }

    private static Xmins parse(String text) {
        List<FullTransactionId> both = Arrays.stream(text.split("/", -1)).map(Long::valueOf).map(FullTransactionId::new).toList();
        return new Xmins(both.get(0), both.get(1));
    }

    private static String shown(List<Xmins> messages) {
        return messages.stream().map(m -> m.xmin() + "/" + m.catalogXmin()).collect(Collectors.joining(" "));
    }
}
