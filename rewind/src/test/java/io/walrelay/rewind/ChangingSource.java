package io.walrelay.rewind;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.rewind.source.RewindSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A source whose files are gone when they are fetched, and that can be read small ones from: a real one does not do so on cue. */
final class ChangingSource implements RewindSource {

    private final Map<String, Deque<byte[]>> files = new HashMap<>();

    /** What is read from {@code path}, one after the other; the last one stays. */
    void put(String path, byte[]... contents) {
        files.put(path, new ArrayDeque<>(List.of(contents)));
    }

    @Override
    public void check() {
        // It can.
    }

    @Override
    public String describe() {
        return "changing source";
    }

    @Override
    public boolean isRunning() {
        return true;
    }

    @Override
    public List<FileEntry> files() {
        return List.of();
    }

    @Override
    public Optional<byte[]> read(String path) {
        Deque<byte[]> contents = files.getOrDefault(path, new ArrayDeque<>());
        return Optional.ofNullable(contents.size() > 1 ? contents.removeFirst() : contents.peekFirst());
    }

    @Override
    public Optional<byte[]> read(String path, long offset, int length) {
        return Optional.empty();
    }

    @Override
    public void fetch(List<Fetch> wanted, Sink sink) throws IOException {
        sink.prepare();
        for (Fetch fetch : wanted) {
            Optional<byte[]> content = read(fetch.path());
            if (content.isPresent()) {
                sink.bytes(fetch.path(), 0, ByteBuffer.wrap(content.get()));
            } else {
                sink.absent(fetch.path());
            }
        }
    }

    @Override
    public ReplayEnd replayEnd(ControlFile before, ControlFile after) {
        return new ReplayEnd(after.checkpoint(), after.timeline());
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
