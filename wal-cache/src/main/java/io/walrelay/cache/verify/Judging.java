package io.walrelay.cache.verify;

import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Says what is wrong with the copies of a segment, apart from its records. */
final class Judging {

    private final FileReading files;
    private final SegmentSize size;
    private final Findings findings;

    Judging(FileReading files, SegmentSize size, Findings findings) {
        this.files = files;
        this.size = size;
        this.findings = findings;
    }

    /** @param outcomes of all copies of one segment of one lineage, the one that is to be believed first at the beginning */
    void judge(Map<StoredFile, Outcome> outcomes) throws InterruptedException {
        Map<String, StoredFile> good = new LinkedHashMap<>();
        for (Map.Entry<StoredFile, Outcome> entry : outcomes.entrySet()) {
            StoredFile file = entry.getKey();
            judge(file, entry.getValue());
            if (entry.getValue() instanceof Outcome.Whole whole && !isShort(file, whole) && !file.beside()) {
                StoredFile same = good.putIfAbsent(file.name().fileName(size), file);
                if (same != null && !whole.equals(outcomes.get(same))) {
                    Lsn at = size.start(file.segment().orElseThrow().number()).plus(firstDifference(same, file));
                    findings.problem(new Problem.DifferentBytes(file, same, at, file.span(size)));
                }
            }
        }
    }

    /** Says what is wrong with one file. */
    void judge(StoredFile file, Outcome outcome) {
        Optional<Span> span = file.span(size);
        switch (outcome) {
            case Outcome.Whole whole when isShort(file, whole) -> findings.problem(new Problem.WrongLength(file, whole.length(), size.bytes(), span));
            case Outcome.Whole _ -> {}
            case Outcome.Gone _ -> findings.vanished(file);
            case Outcome.Damaged(var reason) -> findings.problem(new Problem.Damaged(file, reason, span));
            case Outcome.Unread(var reason) -> findings.unread(file.toString(), reason, span);
        }
    }

    /** Looks at no more of a file than its length. */
    void judgeLength(StoredFile file, Storage storage) {
        try (Storage.File open = storage.open(file.path())) {
            if (open.size() != size.bytes()) {
                findings.problem(new Problem.WrongLength(file, open.size(), size.bytes(), file.span(size)));
            }
        } catch (NoSuchFileException e) {
            findings.vanished(file);
        } catch (IOException e) {
            findings.unread(file.toString(), String.valueOf(e.getMessage()), file.span(size));
        }
    }

    private boolean isShort(StoredFile file, Outcome.Whole whole) {
        return file.isWhole() && whole.length() != size.bytes();
    }

    private long firstDifference(StoredFile one, StoredFile other) throws InterruptedException {
        ByteBuffer a = ByteBuffer.allocate(1 << 16);
        ByteBuffer b = ByteBuffer.allocate(1 << 16);
        try (Feed first = new Feed(files, one, a.capacity());
                Feed second = new Feed(files, other, b.capacity())) {
            for (long at = 0; ; at += a.capacity()) {
                int difference = fill(first, at, a.clear()).mismatch(fill(second, at, b.clear()));
                if (difference >= 0) {
                    return at + difference;
                }
                if (a.limit() < a.capacity()) {
                    return at; // They are the same now: the relay has mended one.
                }
            }
        }
    }

    private static ByteBuffer fill(Feed feed, long from, ByteBuffer into) throws InterruptedException {
        int n;
        do {
            n = feed.read(from + into.position(), into);
        } while (n > 0 && into.hasRemaining());
        return into.flip();
    }
}
