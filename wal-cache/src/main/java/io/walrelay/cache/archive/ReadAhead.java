package io.walrelay.cache.archive;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Recognises readers that go through the archive segment by segment, and says how far ahead of each to fetch: one segment at first, twice as many
 * with each that it takes, as TCP opens its window. Nobody who reads once, or backwards, causes anything; nothing is fetched for one who
 * has stopped, since only reading moves a window on. Confined to its owner's lock.
 */
public final class ReadAhead {

    /** Readers that are told apart; the one that was silent for the longest is forgotten. */
    private static final int MOST_READERS = 64;

    private static final class Reader {
        private long next;
        private long fetchedUpTo;
        private int window;
        private long lastTurn;

        Reader(long next) {
            this.next = next;
            this.fetchedUpTo = next;
        }
    }

    private final int widest;
    private final List<Reader> readers = new ArrayList<>();
    private long turn;

    /** @param widest segments that are fetched ahead of one reader at most; none when 0 */
    public ReadAhead(int widest) {
        this.widest = widest;
    }

    /** Segment number {@code segment} was asked for. Returns the numbers to fetch now, nearest first. */
    public List<Long> asked(long segment) {
        turn++;
        Reader reader = readers.stream().filter(r -> segment >= r.next - 1 && segment < r.next + Math.max(1, r.window)).findFirst().orElse(null);
        if (reader == null) {
            begin(segment);
            return List.of();
        }
        reader.lastTurn = turn;
        if (segment < reader.next) {
            return List.of(); // Once more the same.
        }
        reader.next = segment + 1;
        reader.window = Math.min(widest, Math.max(1, 2 * reader.window));
        List<Long> ahead = new ArrayList<>();
        for (long n = Math.max(reader.next, reader.fetchedUpTo); n < reader.next + reader.window; n++) {
            ahead.add(n);
        }
        reader.fetchedUpTo = Math.max(reader.fetchedUpTo, reader.next + reader.window);
        return ahead;
    }

    private void begin(long segment) {
        if (readers.size() == MOST_READERS) {
            readers.remove(readers.stream().min(Comparator.comparingLong(r -> r.lastTurn)).orElseThrow());
        }
        Reader reader = new Reader(segment + 1);
        reader.lastTurn = turn;
        readers.add(reader);
    }
}
