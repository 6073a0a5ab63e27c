package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.walrelay.cache.DiskFullException;
import io.walrelay.cache.DivergentWalException;
import io.walrelay.cache.WalWriter;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;

/** Hands WAL to the writer, and keeps what there was no room for. Never throws. Confined to the WAL writer thread. */
final class WalIntake {

    /** What became of a piece of WAL. */
    sealed interface Result {
        record Taken() implements Result {}

        /** It waits behind others for room. */
        record Waiting() implements Result {}

        /** There was no room; it is kept for {@link #retry}. */
        record Full(String reason) implements Result {}

        /** Upstream's bytes are not ours. */
        record Diverged(String reason) implements Result {}

        /** It begins past the end of what we have. */
        record Skipped(String reason) implements Result {}

        /** There was no memory for it. It was not taken in, and another stream may bring it again. */
        record NoMemory(String reason) implements Result {}

        /** The disk failed, or nobody knows what was taken in. */
        record Broken(IOException failure) implements Result {}
    }

    private static final Result TAKEN = new Result.Taken();
    private static final Result WAITING = new Result.Waiting();

    /** A message's WAL, perhaps partly taken in. */
    private record Piece(Lsn start, int firstIndex, ByteBuf wal) {
        Lsn position() {
            return start.plus(wal.readerIndex() - firstIndex);
        }
    }

    private final WalWriter writer;
    /** WAL that there was no room for; while it is not empty nothing is read. */
    private final Deque<Piece> stalled = new ArrayDeque<>();

    WalIntake(WalWriter writer) {
        this.writer = writer;
    }

    /** Takes over {@code wal}, which begins at {@code start}. */
    Result take(Lsn start, ByteBuf wal) {
        int firstIndex = wal.readerIndex();
        if (!stalled.isEmpty()) {
            stalled.addLast(new Piece(start, firstIndex, wal));
            return WAITING;
        }
        Result result = offer(start, wal);
        if (result instanceof Result.Full) {
            stalled.addLast(new Piece(start, firstIndex, wal));
        } else {
            wal.release();
        }
        return result;
    }

    /** Offers again what is kept; Taken once nothing is. */
    Result retry() {
        while (!stalled.isEmpty()) {
            Piece first = stalled.getFirst();
            Result result = offer(first.position(), first.wal);
            if (result instanceof Result.Full) {
                return result;
            }
            stalled.removeFirst().wal.release();
            if (!(result instanceof Result.Taken)) {
                return result;
            }
        }
        return TAKEN;
    }

    private Result offer(Lsn at, ByteBuf wal) {
        try {
            writer.append(at, wal);
            return TAKEN;
        } catch (DiskFullException e) {
            return new Result.Full(String.valueOf(e.getMessage()));
        } catch (DivergentWalException e) {
            return new Result.Diverged(String.valueOf(e.getMessage()));
        } catch (IllegalArgumentException e) {
            return new Result.Skipped(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            return new Result.Broken(e);
        } catch (OutOfMemoryError e) {
            return isOutsideHeap(e) ? new Result.NoMemory(String.valueOf(e.getMessage())) : broken(at, e);
        } catch (RuntimeException | Error e) {
            return broken(at, e);
        }
    }

    /** The tail gets itself a chunk before it changes anything; where the heap is full anything may be half done. The JDK's words, and Netty's. */
    private static boolean isOutsideHeap(OutOfMemoryError e) {
        return String.valueOf(e.getMessage()).contains("direct");
    }

    private static Result broken(Lsn at, Throwable e) {
        return new Result.Broken(new IOException("could not take WAL in at %s: %s".formatted(at, e), e));
    }

    boolean stalled() {
        return !stalled.isEmpty();
    }

    /** Forgets what is kept: never taken in, so never reported, it will be sent again. */
    void discard() {
        stalled.forEach(piece -> piece.wal.release());
        stalled.clear();
    }
}
