package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.client.ApiLines;
import io.walrelay.proxy.client.Relays;
import io.walrelay.proxy.client.SegmentPieces;
import io.walrelay.proxy.testkit.FakeRelay;
import io.walrelay.rewind.plan.MergedChanges;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.RelationFile;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a relay, or what pretends to be one, answers to a rewind. */
class RelayChangesTest {

    private static final String END = "{\"end\":true,\"to\":\"0/5000000\"}\n";

    @TempDir
    private Path directory;

    private static Relays relays(FakeRelay relay, Duration silence) {
        return new Relays(List.of(URI.create(relay.url())), Optional.empty(), Optional.empty(), silence);
    }

    private MergedChanges changes(FakeRelay.Answer answer) throws IOException {
        try (FakeRelay relay = FakeRelay.serving(directory)) {
            relay.next(answer);
            ApiLines api = new ApiLines(relays(relay, Duration.ofMillis(500)));
            return new RelayChanges(api, TimelineHistory.root(TimelineId.of(1))).changes(Lsn.parse("0/3000028"), Optional.empty()).orElseThrow();
        }
    }

    private MergedChanges ranges(String ranges) throws IOException {
        String line = "{\"relation\":\"1663/5/16384\",\"whole_blocks\":\"\",\"other_blocks\":\"%s\"}\n".formatted(ranges);
        return changes(FakeRelay.status(200, "application/x-ndjson", "\n\n" + line + "\n" + END));
    }

    @Test
    void linesMayBeEmptyAndBlocksTheLast() throws IOException {
        RelationFile relation = new RelationFile(1663, 5, 16384);
        List<MergedChanges.Blocks> expected = List.of(new MergedChanges.Blocks(relation, 0, 1L << 32, false), new MergedChanges.Blocks(relation, -1, 1, false));
        assertEquals(expected, ranges("0-4294967295,4294967295").blocks());
    }

    @ParameterizedTest
    @ValueSource(strings = {"4294967296", "2-1", "0-4294967296", "9999999999"})
    void blocksThatThereCanNotBeAreNone(String range) {
        IOException refused = assertThrows(IOException.class, () -> ranges(range));
        assertTrue(String.valueOf(refused.getMessage()).contains("can't be used"), refused.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "1-", "1,", ",1", "1,,2", "1-2-3", "+1", "1 ", "a", "1-,2", ",", "12345678901", "\u0661"})
    void whatIsNoListOfBlocksIsRefused(String ranges) {
        IOException refused = assertThrows(IOException.class, () -> ranges(ranges));
        assertTrue(String.valueOf(refused.getMessage()).contains("like 0-6,9"), refused.getMessage());
    }

    /** As a relay of another version might answer: blocks that are not understood are not none. */
    @ParameterizedTest
    @ValueSource(strings = {"\"whole\":[[0,7]]", "\"whole_blocks\":[[0,7]]", "\"whole_blocks\":7", "\"whole_blocks\":null", "\"whole_blocks\":\"1\"", "\"other_blocks\":\"\""})
    void blocksInAnotherFormAreRefused(String blocks) {
        String line = "{\"relation\":\"1663/5/16384\",%s}\n".formatted(blocks);
        IOException refused = assertThrows(IOException.class, () -> changes(FakeRelay.status(200, "application/x-ndjson", line + END)));
        assertTrue(String.valueOf(refused.getMessage()).contains("expected"), refused.getMessage());
    }

    /** It merges for few at a time, and a rewind that came second would read all WAL instead. */
    @Test
    void aRelayThatIsBusyIsAskedAgain() throws IOException {
        try (FakeRelay relay = FakeRelay.serving(directory)) {
            relay.next(FakeRelay.refusal(503, "busy", "retry-after: 1"));
            relay.next(FakeRelay.status(200, "application/x-ndjson", END));
            ApiLines api = new ApiLines(relays(relay, Duration.ofSeconds(10)));
            assertEquals(Lsn.parse("0/5000000"), new RelayChanges(api, TimelineHistory.root(TimelineId.of(1))).changes(Lsn.parse("0/3000028"), Optional.empty()).orElseThrow().end());
            assertEquals(2, relay.requests().size());
        }
    }

    @Test
    void thatNothingMoreCameIsNotTakenForAnotherPort() {
        FakeRelay.Answer silent = (out, relay) -> {
            FakeRelay.body("\n".getBytes(StandardCharsets.US_ASCII), "content-length: 1000").write(out, relay);
            FakeRelay.hanging().write(out, relay);
        };
        IOException timeout = assertThrows(IOException.class, () -> changes(silent));
        assertTrue(String.valueOf(timeout.getMessage()).contains("cut off: Read timed out"), timeout.getMessage());
    }

    /** As a proxy does that knows nothing of ranges. */
    @Test
    void aWholeFileIsNotAPieceOfIt() {
        try (FakeRelay relay = FakeRelay.serving(directory)) {
            relay.next(FakeRelay.body(new byte[1 << 20], "content-length: " + (1 << 20)));
            SegmentPieces pieces = new SegmentPieces(relays(relay, Duration.ofSeconds(10)), "000000010000000000000003", Optional.empty(), 0);
            IOException refused = assertThrows(IOException.class, pieces::isThere);
            assertTrue(String.valueOf(refused.getMessage()).contains("know Range"), refused.getMessage());
        }
    }

    @Test
    void whyATokenIsRefusedIsSaidWhateverIsAsked() throws IOException {
        try (FakeRelay relay = FakeRelay.serving(directory); ApiClient api = new ApiClient(URI.create(relay.url()), Optional.of("wrong"), Optional.empty())) {
            FakeRelay.Answer refusal = FakeRelay.refusal(401, "expected another token", "www-authenticate: Bearer");
            relay.next(refusal, refusal, refusal);
            for (IOException refused : List.of(
                    assertThrows(IOException.class, () -> api.get("/api/v1/slots")),
                    assertThrows(IOException.class, () -> api.post("/api/v1/slots", "{}")),
                    assertThrows(IOException.class, () -> api.put("/api/v1/slots", "{}")))) {
                assertTrue(String.valueOf(refused.getMessage()).contains("refused (HTTP 401): expected another token"), refused.getMessage());
            }
        }
    }
}
