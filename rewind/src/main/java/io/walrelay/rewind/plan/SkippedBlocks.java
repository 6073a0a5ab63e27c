package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.wal.Lsn;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The blocks that a rewind left as they were, for the replay to write. Until it has, they are of neither history, and no WAL of the target
 * names them: a further rewind has to know. In the note that is kept in the data directory, after how far has to be replayed, a line for each file:
 *
 * <pre>
 *   until 0/5000098
 *   base/5/16384 3,7-9
 * </pre>
 */
public record SkippedBlocks(Map<String, BitSet> byPath) {

    private static final String UNTIL = "until ";

    /** By the path of the file, in order. */
    public SkippedBlocks {
        byPath = new TreeMap<>(byPath);
    }

    public long size() {
        return byPath.values().stream().mapToLong(BitSet::cardinality).sum();
    }

    /** @param end where the replay has written them all */
    public byte[] encode(Lsn end) {
        return byPath.entrySet().stream()
                .map(file -> file.getKey() + " " + ranges(file.getValue()) + "\n")
                .collect(Collectors.joining("", UNTIL + end + "\n", ""))
                .getBytes(StandardCharsets.UTF_8);
    }

    private static String ranges(BitSet blocks) {
        StringBuilder text = new StringBuilder();
        for (int from = blocks.nextSetBit(0); from >= 0; ) {
            int last = blocks.nextClearBit(from) - 1;
            text.append(text.isEmpty() ? "" : ",").append(from).append(last == from ? "" : "-" + last);
            from = blocks.nextSetBit(last + 1);
        }
        return text.toString();
    }

    /**
     * Up to where a note's blocks are to be replayed; the end of all WAL when it does not say.
     *
     * @throws RefusedException when {@code encoded} is none
     */
    public static Lsn replayEnd(byte[] encoded) throws RefusedException {
        String first = new String(encoded, StandardCharsets.UTF_8).lines().findFirst().orElse("");
        try {
            if (first.startsWith(UNTIL)) {
                return Lsn.parse(first.substring(UNTIL.length()));
            }
        } catch (IllegalArgumentException e) {
            throw new RefusedException("the note of the last rewind can't be understood: %s".formatted(e.getMessage()));
        }
        return Lsn.LAST;
    }

    /**
     * Adds them to what a target changed.
     *
     * @throws RefusedException when {@code encoded} is none of these
     */
    public static void addTo(BlockMap changed, byte[] encoded, RelationPath.Names names) throws RefusedException {
        for (String line : new String(encoded, StandardCharsets.UTF_8).lines().filter(line -> !line.startsWith(UNTIL)).toList()) {
            int space = line.lastIndexOf(' ');
            Optional<RelationPath> path = space < 0 ? Optional.empty() : names.parse(line.substring(0, space));
            if (path.isEmpty()) {
                throw new RefusedException("the note of the last rewind can't be understood: \"%s\"".formatted(line));
            }
            for (String range : line.substring(space + 1).split(",", -1)) {
                String[] ends = range.split("-", 2);
                changed.addRange(path.get(), Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]));
            }
        }
    }
}
