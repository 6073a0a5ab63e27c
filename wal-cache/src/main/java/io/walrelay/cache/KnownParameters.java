package io.walrelay.cache;

import io.walrelay.cache.HotStandbyNeeds.Parameters;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.ServerParameters;
import io.walrelay.wal.format.WalLevel;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The settings that {@link HotStandbyNeeds} knows: the file {@code parameters} in the data directory, written when they change. Confined to one thread at a time. */
final class KnownParameters {

    private static final Logger log = LoggerFactory.getLogger(KnownParameters.class);
    private static final String PATH = "parameters";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALPARAM", 1);

    private final DurableFiles files;

    KnownParameters(DurableFiles files) {
        this.files = files;
    }

    /** What is known of {@code lineage}. A file that can't be read is nothing to end a start for: upstream is asked, and the next change is written anew. */
    HotStandbyNeeds load(TimelineHistory lineage) {
        try {
            Optional<byte[]> body = files.read(PATH, FORMAT);
            return body.isEmpty() ? HotStandbyNeeds.unknown(lineage) : parse(body.get()).on(lineage);
        } catch (IOException | IllegalArgumentException e) {
            log.warn("the settings that standbys must have are not known from the last run: {}", e.getMessage());
            return HotStandbyNeeds.unknown(lineage);
        }
    }

    private static HotStandbyNeeds parse(byte[] body) throws IOException {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body))) {
            TimelineHistory lineage = HistoryBytes.read(in);
            List<Parameters> parameters = new ArrayList<>();
            for (int n = in.readInt(); n > 0; n--) {
                Lsn at = new Lsn(in.readLong());
                Optional<Instant> time = in.readBoolean() ? Optional.of(Instant.ofEpochMilli(in.readLong())) : Optional.empty();
                parameters.add(new Parameters(at, time, read(in)));
            }
            return new HotStandbyNeeds(lineage, parameters, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
        }
    }

    private static ServerParameters read(DataInputStream in) throws IOException {
        return new ServerParameters(
                in.readInt(), in.readInt(), in.readInt(), in.readInt(), in.readInt(), WalLevel.valueOf(in.readUTF()), in.readBoolean(), in.readBoolean());
    }

    void save(HotStandbyNeeds needs) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            HistoryBytes.write(out, needs.lineage());
            out.writeInt(needs.parameters().size());
            for (Parameters change : needs.parameters()) {
                out.writeLong(change.at().value());
                out.writeBoolean(change.time().isPresent());
                if (change.time().isPresent()) {
                    out.writeLong(change.time().get().toEpochMilli());
                }
                write(out, change.values());
            }
        }
        files.write(PATH, FORMAT, body.toByteArray());
    }

    private static void write(DataOutputStream out, ServerParameters values) throws IOException {
        for (int value : values.minimums().values()) {
            out.writeInt(value);
        }
        out.writeUTF(values.walLevel().name());
        out.writeBoolean(values.walLogHints());
        out.writeBoolean(values.trackCommitTimestamp());
    }
}
