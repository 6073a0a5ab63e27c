package io.walrelay.proxy.shaping;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What operators have said, in the file {@code shaping} of the data directory: it holds over restarts. */
final class WordFile {

    private static final String PATH = "shaping";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WRSHAPES", 1);

    private WordFile() {}

    static Map<String, Word> load(DurableFiles files) throws IOException {
        Optional<byte[]> body = files.read(PATH, FORMAT);
        Map<String, Word> words = new TreeMap<>();
        if (body.isEmpty()) {
            return words;
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body.get()))) {
            for (int n = in.readInt(); n > 0; n--) {
                String name = in.readUTF();
                boolean paused = in.readBoolean();
                Optional<Word.Release> release = in.readBoolean()
                        ? Optional.of(new Word.Release(TimelineId.of(in.readLong()), new Lsn(in.readLong())))
                        : Optional.empty();
                words.put(name, new Word(paused, release));
            }
        }
        return words;
    }

    static void save(DurableFiles files, Map<String, Word> words) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            out.writeInt(words.size());
            for (Map.Entry<String, Word> entry : words.entrySet()) {
                out.writeUTF(entry.getKey());
                out.writeBoolean(entry.getValue().paused());
                Optional<Word.Release> release = entry.getValue().release();
                out.writeBoolean(release.isPresent());
                if (release.isPresent()) {
                    out.writeLong(release.get().timeline().toLong());
                    out.writeLong(release.get().to().value());
                }
            }
        }
        files.write(PATH, FORMAT, body.toByteArray());
    }
}
