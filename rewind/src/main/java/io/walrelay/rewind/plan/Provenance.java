package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.plan.SameNumber.Answer;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.io.IOException;
import java.util.List;

/**
 * Whether WAL that is held elsewhere under the id of a server's lineage is that server's: two promotions can take one number at one point, and then the id is
 * the same. Told by bytes that both have. Confined to one thread.
 */
public final class Provenance {

    private final Side side;
    private final PgWal held;
    private final SameNumber bytes;

    /**
     * @param held all that is held of the server's lineage, and nothing of the server's own
     * @param files the server's
     */
    public Provenance(Side side, PgWal held, RewindSource files) {
        this.side = side;
        this.held = held;
        this.bytes = new SameNumber(side, held, side, files);
    }

    /**
     * By the first record of the server's timeline, by its last checkpoint, by the first of {@code pages} that both have, or by what the server's control file
     * has of the checkpoint: one is enough, since what comes before it led to it.
     *
     * @param pages where pages begin
     */
    public Answer check(List<Lsn> pages) throws IOException {
        Answer answer = side.history().ancestors().isEmpty() ? bytes.checkpoint(side.control().checkpoint()) : bytes.checkOne(side.history());
        for (int i = 0; i < pages.size() && answer == Answer.NOT_CHECKED; i++) {
            answer = page(pages.get(i));
        }
        return answer == Answer.NOT_CHECKED ? byControlFile() : answer;
    }

    /** A server that was not started since it was rewound has no WAL of its timeline. */
    private Answer byControlFile() throws IOException {
        Lsn at = side.control().checkpoint();
        WalReader reader = WalReader.open(held, side.identity(), at);
        if (!side.history().timelineAt(at).equals(side.history().timeline())
                || !reader.next()
                || !reader.recordStart().equals(at)
                || !RecordBodies.isCheckpoint(reader.resourceManager(), reader.info())) {
            return Answer.NOT_CHECKED;
        }
        WalRecord record = new WalRecord();
        try {
            reader.take(record);
        } catch (MalformedRecordException e) {
            return Answer.NOT_CHECKED;
        }
        return side.control().isOf(record.mainData()) ? Answer.SAME : Answer.DIFFERENT;
    }

    /** By the page that begins at {@code at}. */
    public Answer page(Lsn at) throws IOException {
        return bytes.page(at);
    }
}
