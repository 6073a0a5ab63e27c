package io.walrelay.proxy.upstream;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What is known of upstream, in the file {@code upstream} of the data directory: standbys are served with it while upstream is away. */
final class FactsFile {

    private static final String PATH = "upstream";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WRUPSTRM", 1);

    private FactsFile() {}

    static Optional<UpstreamFacts> load(DurableFiles files) throws IOException {
        Optional<byte[]> body = files.read(PATH, FORMAT);
        if (body.isEmpty()) {
            return Optional.empty();
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body.get()))) {
            return Optional.of(new UpstreamFacts(new SystemId(in.readLong()), new SegmentSize(in.readInt()), readMap(in), readMap(in)));
        }
    }

    static void save(DurableFiles files, UpstreamFacts facts) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            out.writeLong(facts.system().value());
            out.writeInt(facts.segmentSize().bytes());
            writeMap(out, facts.parameters());
            writeMap(out, facts.settings());
        }
        files.write(PATH, FORMAT, body.toByteArray());
    }

    private static Map<String, String> readMap(DataInputStream in) throws IOException {
        Map<String, String> map = new TreeMap<>();
        for (int n = in.readInt(); n > 0; n--) {
            String key = in.readUTF();
            map.put(key, in.readUTF());
        }
        return map;
    }

    private static void writeMap(DataOutputStream out, Map<String, String> map) throws IOException {
        out.writeInt(map.size());
        for (Map.Entry<String, String> entry : map.entrySet()) {
            out.writeUTF(entry.getKey());
            out.writeUTF(entry.getValue());
        }
    }
}
