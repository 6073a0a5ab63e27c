package io.walrelay.proxy.shaping;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What operators have said, in the file {@code shaping} of the data directory: it holds over restarts. */
final class WordFile {

    private static final String PATH = "shaping";
    /** Version 1 had no turns: a pause took back only what was released under the same name. */
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WRSHAPES", 2, 1);

    private WordFile() {}

    static Map<String, Word> load(DurableFiles files) throws IOException {
        Optional<DurableFiles.Stored> stored = files.readStored(PATH, FORMAT);
        Map<String, Word> words = new TreeMap<>();
        if (stored.isEmpty()) {
            return words;
        }
        boolean turns = stored.get().version() > 1;
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(stored.get().body()))) {
            for (int n = in.readInt(); n > 0; n--) {
                String name = in.readUTF();
                boolean paused = in.readBoolean();
                long pausedIn = turns ? in.readLong() : paused ? 1 : 0;
                List<Word.Release> releases = in.readBoolean() ? List.of(release(in, turns)) : List.of();
                words.put(name, new Word(pausedIn, releases));
            }
        }
        return words;
    }

    private static Word.Release release(DataInputStream in, boolean turns) throws IOException {
        return new Word.Release(TimelineId.of(in.readLong()), new Lsn(in.readLong()), turns ? in.readLong() : 2);
    }

    static void save(DurableFiles files, Map<String, Word> words) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            out.writeInt(words.size());
            for (Map.Entry<String, Word> entry : words.entrySet()) {
                out.writeUTF(entry.getKey());
                out.writeBoolean(entry.getValue().paused());
                out.writeLong(entry.getValue().pausedIn());
                Optional<Word.Release> release = entry.getValue().release();
                out.writeBoolean(release.isPresent());
                if (release.isPresent()) {
                    out.writeLong(release.get().timeline().toLong());
                    out.writeLong(release.get().to().value());
                    out.writeLong(release.get().turn());
                }
            }
        }
        files.write(PATH, FORMAT, body.toByteArray());
    }
}
