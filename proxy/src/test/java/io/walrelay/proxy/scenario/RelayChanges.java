package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.index.BlockWal;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.RelationFile;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a relay says that WAL changes.
 *
 * @param special the lines about what no block reference says
 */
public record RelayChanges(Map<BlockWal.Block, BlockWal.First> blocks, List<JsonNode> special) {

    private static final JsonMapper MAPPER = new JsonMapper();
    private static final Pattern RANGE = Pattern.compile("(\\d+)(?:-(\\d+))?");
    private static final Pattern BLOCK = Pattern.compile("blkref #\\d+: rel (\\S+) fork (\\S+) blk (\\d+)( \\(FPW\\);.*)?.*");
    private static final List<String> FORKS = List.of("main", "fsm", "vm", "init");

    public static RelayChanges parse(String answer) {
        Map<BlockWal.Block, BlockWal.First> blocks = new LinkedHashMap<>();
        List<JsonNode> special = new ArrayList<>();
        List<String> lines = answer.lines().toList();
        assertEquals("{\"end\":true}", lines.getLast());
        for (String line : lines.subList(0, lines.size() - 1)) {
            JsonNode node = MAPPER.readTree(line);
            if (node.has("blocks")) {
                for (JsonNode block : node.get("blocks")) {
                    blocks.putIfAbsent(
                            new BlockWal.Block(relation(node.get("relation").asString()), node.get("fork").asInt(), (int) block.get(0).asLong()),
                            new BlockWal.First(Lsn.parse(block.get(1).asString()), block.get(2).asBoolean()));
                }
            } else {
                special.add(node);
            }
        }
        return new RelayChanges(blocks, special);
    }

    private static RelationFile relation(String text) {
        String[] parts = text.split("/", -1);
        return new RelationFile(Integer.parseUnsignedInt(parts[0]), Integer.parseUnsignedInt(parts[1]), Integer.parseUnsignedInt(parts[2]));
    }

    /** Asks for a stretch that pg_waldump has read, and compares: each block with its first record, and whether that one has an image of it. */
    static RelayChanges assertSame(RelayProcess relay, List<WalDump.Dumped> dumped, Lsn start, Lsn end) throws Exception {
        RelayChanges said = parse(relay.get("/api/v1/changes?from=%s&to=%s".formatted(start, end)).body());
        Map<BlockWal.Block, BlockWal.First> expected = new LinkedHashMap<>();
        for (WalDump.Dumped record : dumped) {
            boolean init = record.kind().endsWith("+INIT");
            for (String line : record.blocks()) {
                Matcher block = BLOCK.matcher(line);
                assertTrue(block.matches(), line);
                boolean image = block.group(4) != null;
                boolean first = line.startsWith("blkref #0:");
                expected.putIfAbsent(
                        new BlockWal.Block(relation(block.group(1)), FORKS.indexOf(block.group(2)), Integer.parseUnsignedInt(block.group(3))),
                        new BlockWal.First(record.at(), image || init && first));
            }
        }
        assertEquals(expected.keySet(), said.blocks.keySet());
        int whole = 0;
        for (Map.Entry<BlockWal.Block, BlockWal.First> block : expected.entrySet()) {
            BlockWal.First found = Objects.requireNonNull(said.blocks.get(block.getKey()));
            assertEquals(block.getValue().at(), found.at(), () -> "first change of " + block.getKey());
            // Of other kinds pg_waldump does not say that they make a page anew.
            assertTrue(found.wholePage() || !block.getValue().wholePage(), () -> block + " is written as a whole");
            whole += block.getValue().wholePage() ? 1 : 0;
        }
        assertTrue(whole > 50 && whole < expected.size(), "%d blocks, %d of them whole".formatted(expected.size(), whole));
        assertEquals(said.merged(), merged(relay.get("/api/v1/changes?merged=true&from=%s&to=%s".formatted(start, end)).body()));
        return said;
    }

    /** The blocks of main forks, and whether it does not matter to a replay what was in them. */
    private Map<BlockWal.Block, Boolean> merged() {
        Map<BlockWal.Block, Boolean> merged = new LinkedHashMap<>();
        blocks.forEach((block, first) -> {
            if (block.fork() == 0) {
                merged.put(block, first.wholePage() && special.stream().noneMatch(line -> Lsn.parse(line.get("at").asString()).isAtMost(first.at()) && reads(line, block)));
            }
        });
        return merged;
    }

    private static boolean reads(JsonNode line, BlockWal.Block block) {
        JsonNode copied = line.path("database_copied");
        return line.has("unknown")
                || copied.path("from_database").asLong(-1) == block.relation().database() && copied.path("from_tablespace").asLong(-1) == block.relation().tablespace();
    }

    private static Map<BlockWal.Block, Boolean> merged(String answer) {
        Map<BlockWal.Block, Boolean> merged = new LinkedHashMap<>();
        for (String line : answer.lines().toList()) {
            JsonNode node = MAPPER.readTree(line);
            for (String kind : List.of("whole_blocks", "other_blocks")) {
                for (Matcher range = RANGE.matcher(node.path(kind).asString("")); range.find(); ) {
                    long first = Long.parseLong(range.group(1));
                    long last = range.group(2) == null ? first : Long.parseLong(range.group(2));
                    for (long block = first; block <= last; block++) {
                        merged.putIfAbsent(new BlockWal.Block(relation(node.get("relation").asString()), 0, (int) block), kind.equals("whole_blocks"));
                    }
                }
            }
        }
        return merged;
    }
}
