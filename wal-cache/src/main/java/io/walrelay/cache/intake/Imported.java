package io.walrelay.cache.intake;

import io.walrelay.cache.storage.DurableFiles;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which folders were taken in to the end, and into which archive; the file {@code imported} in the data directory. */
public final class Imported {

    private static final Logger log = LoggerFactory.getLogger(Imported.class);
    private static final String PATH = "imported";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALIMPRT", 1);

    private record Import(String archive, String folder) {}

    private final DurableFiles files;

    public Imported(DurableFiles files) {
        this.files = files;
    }

    /** Whether all of {@code folder} went into the archive with that id. */
    public boolean has(String archive, String folder) throws IOException {
        return load().contains(new Import(archive, folder));
    }

    void add(String archive, String folder) throws IOException {
        Set<Import> all = new LinkedHashSet<>(load());
        all.add(new Import(archive, folder));
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            out.writeInt(all.size());
            for (Import each : all) {
                out.writeUTF(each.archive);
                out.writeUTF(each.folder);
            }
        }
        files.write(PATH, FORMAT, body.toByteArray());
    }

    private Set<Import> load() throws IOException {
        Optional<byte[]> body;
        try {
            body = files.read(PATH, FORMAT);
        } catch (DurableFiles.DamagedFileException e) {
            log.warn("what has been imported is looked at anew: {}", e.getMessage());
            return Set.of();
        }
        Set<Import> all = new LinkedHashSet<>();
        if (body.isPresent()) {
            try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body.get()))) {
                for (int n = in.readInt(); n > 0; n--) {
                    all.add(new Import(in.readUTF(), in.readUTF()));
                }
            }
        }
        return all;
    }
}
