package io.walrelay.cache;

import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Upstream's failover slots as they were seen last, and their file, {@code failover-slots} in the data directory. Saved now and then: after a crash
 * one may be behind, which keeps more WAL and not less, until upstream is asked again. Thread-safe; only {@link #save} waits for the disk.
 */
public final class FailoverSlots {

    private static final String PATH = "failover-slots";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALFAILS", 1);

    /**
     * All of them at one moment.
     *
     * @param lineage that their positions lie on
     * @param slots by name, each once
     */
    public record Seen(TimelineHistory lineage, List<FailoverSlot> slots) {
        public Seen {
            slots = List.copyOf(slots);
        }

        public Optional<FailoverSlot> find(String name) {
            return slots.stream().filter(slot -> slot.name().equals(name)).findFirst();
        }
    }

    private final DurableFiles files;
    private final Object writing = new Object();
    private volatile Optional<Seen> seen;
    /** Guarded by {@code writing}. */
    private Optional<Seen> saved;

    private FailoverSlots(DurableFiles files, Optional<Seen> seen) {
        this.files = files;
        this.seen = seen;
        this.saved = seen;
    }

    static FailoverSlots load(DurableFiles files) throws IOException {
        Optional<byte[]> body = files.read(PATH, FORMAT);
        return new FailoverSlots(files, body.isPresent() ? Optional.of(read(body.get())) : Optional.empty());
    }

    /** Empty before upstream was ever asked. */
    public Optional<Seen> seen() {
        return seen;
    }

    public List<FailoverSlot> all() {
        return seen.map(Seen::slots).orElse(List.of());
    }

    /** What upstream has now, as far as it is to be believed. */
    public void see(Seen now) {
        seen = Optional.of(now);
    }

    /** Makes what was seen before the call durable. */
    public void save() throws IOException {
        synchronized (writing) {
            Optional<Seen> now = seen;
            if (now.isPresent() && !now.equals(saved)) {
                files.write(PATH, FORMAT, bytes(now.get()));
                saved = now;
            }
        }
    }

    private static Seen read(byte[] body) throws IOException {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body))) {
            TimelineHistory lineage = HistoryBytes.read(in);
            List<FailoverSlot> slots = new ArrayList<>();
            for (int n = in.readInt(); n > 0; n--) {
                slots.add(new FailoverSlot(
                        in.readUTF(), in.readUTF(), in.readUTF(), in.readBoolean(), new Lsn(in.readLong()), new Lsn(in.readLong()), in.readLong(), reason(in.readUTF())));
            }
            return new Seen(lineage, slots);
        }
    }

    private static Optional<String> reason(String written) {
        return written.isEmpty() ? Optional.empty() : Optional.of(written);
    }

    private static byte[] bytes(Seen seen) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            HistoryBytes.write(out, seen.lineage);
            out.writeInt(seen.slots.size());
            for (FailoverSlot slot : seen.slots) {
                out.writeUTF(slot.name());
                out.writeUTF(slot.plugin());
                out.writeUTF(slot.database());
                out.writeBoolean(slot.twoPhase());
                out.writeLong(slot.restartLsn().value());
                out.writeLong(slot.confirmedFlushLsn().value());
                out.writeLong(slot.catalogXmin());
                out.writeUTF(slot.invalidation().orElse(""));
            }
        }
        return body.toByteArray();
    }
}
