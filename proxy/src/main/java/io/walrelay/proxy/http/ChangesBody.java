package io.walrelay.proxy.http;

import io.walrelay.cache.ChangeIndex;
import io.walrelay.cache.index.Changes;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.RelationFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The answer of {@code /api/v1/changes}, a piece for each segment. Lines of JSON:
 *
 * <pre>
 *   {"relation":"1663/5/16384","fork":0,"blocks":[[7,"0/3000028",true],[8,"0/3002F10",false]]}     number, first change, whether of the whole page
 *   {"at":"0/3004A38","relation_truncated":{"relation":"1663/5/16384","blocks":1,"main":true,…}}
 *   {"end":true}                                                                                   without it the answer is not all
 * </pre>
 *
 * <p>In the order of the log by segments: of a block that more than one line names, the first counts.
 */
final class ChangesBody implements WalReply.Pieces {

    private static final byte[] END = "{\"end\":true}\n".getBytes(StandardCharsets.US_ASCII);

    private final ChangeIndex.Stretch stretch;
    private boolean ended;

    ChangesBody(ChangeIndex.Stretch stretch) {
        this.stretch = stretch;
    }

    @Override
    public Optional<byte[]> next() throws IOException {
        if (ended) {
            return Optional.empty();
        }
        Optional<Changes> changes = stretch.next();
        ended = changes.isEmpty();
        return Optional.of(changes.map(ChangesBody::lines).orElse(END));
    }

    @Override
    public void close() {
        try {
            stretch.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] lines(Changes changes) {
        StringBuilder lines = new StringBuilder(32 * changes.blocks().size() + 64);
        Blocks blocks = new Blocks(lines);
        changes.blocks().visit(blocks::add);
        blocks.end();
        for (Changes.Special special : changes.special()) {
            lines.append(line(special));
        }
        return lines.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** Written by hand: there may be a million. */
    private static final class Blocks {
        private final StringBuilder lines;
        private @Nullable RelationFile relation;
        private int fork;

        Blocks(StringBuilder lines) {
            this.lines = lines;
        }

        void add(RelationFile of, int ofFork, int block, Lsn first, boolean wholePage) {
            if (!of.equals(relation) || ofFork != fork) {
                end();
                relation = of;
                fork = ofFork;
                lines.append("{\"relation\":\"").append(of).append("\",\"fork\":").append(ofFork).append(",\"blocks\":[");
            } else {
                lines.append(',');
            }
            lines.append('[').append(Integer.toUnsignedLong(block)).append(",\"").append(first).append("\",").append(wholePage).append(']');
        }

        void end() {
            if (relation != null) {
                lines.append("]}\n");
                relation = null;
            }
        }
    }

    static String line(Changes.Special special) {
        return Json.MAPPER.writeValueAsString(FileChangeJson.line(special.at(), special.body())) + '\n';
    }
}
