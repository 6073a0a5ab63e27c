package io.walrelay.proxy.http;

import io.walrelay.cache.ChangeIndex;
import io.walrelay.cache.index.Changes;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.FirstChanges;
import io.walrelay.wal.format.RelationFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The answer of {@code /api/v1/changes?merged=true}: what a whole stretch changes, of main forks, each relation's blocks in ranges. Lines of JSON:
 *
 * <pre>
 *   {"relation":"1663/5/16384","whole_blocks":"0-6,9","other_blocks":"7-8"}   whether what was in them does not matter ({@link FirstChanges})
 *   {"at":"0/3004A38","relation_truncated":{…}}                            as {@link ChangesBody} has them, those that change files
 *   {"end":true,"to":"0/5A000000"}                                         of records that end there or before; without it the answer is not all
 * </pre>
 *
 * <p>A relation may have several lines. Of a block that is there twice, the first counts: that happens where there is too much to be merged in memory.
 * While there is nothing to say yet, empty lines show that somebody is at it, and that somebody still listens.
 */
final class MergedBody implements WalReply.Pieces {

    /** With some 50 bytes each. */
    private static final int MOST_GROUPS = 1 << 18;

    /** With up to 11 bytes of the answer each, when none of them lies beside another. */
    private static final int MOST_BLOCKS = 1 << 19;

    /** Bytes, more or less: one is written at once, in the time that a client has to take it. */
    private static final int PIECE = 1 << 16;

    /** Then another request may have its turn on this thread. */
    private static final int PARTS_AT_ONCE = 16;

    private static final byte[] NOT_YET = {'\n'};

    private final ChangeIndex.Stretch stretch;
    private final Lsn to;
    private final FirstChanges firsts = new FirstChanges();
    private final StringBuilder lines = new StringBuilder();

    /** What was made and not taken yet. */
    private final Queue<byte[]> pieces = new ArrayDeque<>();

    private final Runnable whenClosed;
    private final AtomicBoolean closed = new AtomicBoolean();
    private boolean ended;

    /**
     * @param to the end of {@code stretch}
     * @param whenClosed run once
     */
    MergedBody(ChangeIndex.Stretch stretch, Lsn to, Runnable whenClosed) {
        this.stretch = stretch;
        this.to = to;
        this.whenClosed = whenClosed;
    }

    @Override
    public Optional<byte[]> next() throws IOException {
        if (pieces.isEmpty() && !ended) {
            merge();
        }
        Optional<byte[]> piece = Optional.ofNullable(pieces.poll());
        return piece.isPresent() || ended ? piece : Optional.of(NOT_YET);
    }

    private void merge() throws IOException {
        for (int parts = 0; parts < PARTS_AT_ONCE && pieces.isEmpty(); parts++) {
            Optional<Changes> changes = stretch.next();
            if (changes.isEmpty()) {
                drain();
                lines.append("{\"end\":true,\"to\":\"").append(to).append("\"}\n");
                cut();
                ended = true;
                return;
            }
            add(changes.get());
            if (firsts.groups() >= MOST_GROUPS || firsts.blocks() >= MOST_BLOCKS) {
                drain();
            }
        }
    }

    private void add(Changes changes) {
        changes.addTo(firsts);
        for (Changes.Special special : changes.special()) {
            if (special.body() instanceof FileChange) {
                add(ChangesBody.line(special));
            }
        }
    }

    private void add(CharSequence line) {
        lines.append(line);
        if (lines.length() >= PIECE) {
            cut();
        }
    }

    private void drain() {
        Ranges ranges = new Ranges();
        firsts.drain(ranges::add);
        ranges.end();
    }

    private void cut() {
        pieces.add(lines.toString().getBytes(StandardCharsets.US_ASCII));
        lines.setLength(0);
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        try {
            stretch.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            whenClosed.run();
        }
    }

    /** One relation's after the other's. */
    private final class Ranges {
        private final StringBuilder whole = new StringBuilder();
        private final StringBuilder others = new StringBuilder();
        private Optional<RelationFile> relation = Optional.empty();

        void add(RelationFile of, int first, long count, boolean wholePage) {
            if (relation.isEmpty() || !relation.get().equals(of) || whole.length() + others.length() >= PIECE) {
                end();
                relation = Optional.of(of);
            }
            BlockRanges.append(wholePage ? whole : others, first, count);
        }

        void end() {
            relation.ifPresent(of -> MergedBody.this.add("{\"relation\":\"%s\",\"whole_blocks\":\"%s\",\"other_blocks\":\"%s\"}\n".formatted(of, whole, others)));
            whole.setLength(0);
            others.setLength(0);
        }
    }
}
