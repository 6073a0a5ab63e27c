package io.walrelay.cache.slot;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the file {@code slots} of the data directory holds.
 *
 * @param relayId as {@link Slots#relayId}; empty in a file from before there were any
 * @param slots the persistent ones
 */
record SlotsFile(String relayId, List<Slot> slots) {

    private static final String PATH = "slots";
    /** Version 1 had no xmins, version 2 no homes and no id, and neither whether a position was confirmed. */
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALSLOTS", 3, 1);

    static SlotsFile read(DurableFiles files) throws IOException {
        Optional<DurableFiles.Stored> stored = files.readStored(PATH, FORMAT);
        if (stored.isEmpty()) {
            return new SlotsFile("", List.of());
        }
        int version = stored.get().version();
        List<Slot> slots = new ArrayList<>();
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(stored.get().body()))) {
            for (int n = in.readInt(); n > 0; n--) {
                String name = in.readUTF();
                Lsn restart = new Lsn(in.readLong());
                Lsn furthest = new Lsn(in.readLong());
                boolean lost = in.readBoolean();
                Xmins xmins = version < 2 ? Xmins.NONE : new Xmins(new FullTransactionId(in.readLong()), new FullTransactionId(in.readLong()));
                Home home = version < 3 ? Home.HERE : readHome(in);
                Slot slot = Slot.saved(name, restart, furthest, lost, xmins).withHome(home);
                slots.add(version < 3 ? slot : slot.withConfirmed(in.readBoolean()));
            }
            return new SlotsFile(version < 3 ? "" : in.readUTF(), slots);
        }
    }

    void write(DurableFiles files) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            out.writeInt(slots.size());
            for (Slot slot : slots) {
                out.writeUTF(slot.name());
                out.writeLong(slot.restartLsn().value());
                out.writeLong(slot.furthestSent().value());
                out.writeBoolean(slot.lost());
                out.writeLong(slot.xmins().xmin().value());
                out.writeLong(slot.xmins().catalogXmin().value());
                writeHome(out, slot.home());
                out.writeBoolean(slot.confirmed());
            }
            out.writeUTF(relayId);
        }
        files.write(PATH, FORMAT, body.toByteArray());
    }

    private static Home readHome(DataInputStream in) throws IOException {
        long moves = in.readLong();
        return new Home(moves, in.readBoolean() ? Optional.of(new Home.Peer(in.readUTF(), in.readUTF())) : Optional.empty());
    }

    private static void writeHome(DataOutputStream out, Home home) throws IOException {
        out.writeLong(home.moves());
        out.writeBoolean(!home.isHere());
        if (home.elsewhere().isPresent()) {
            out.writeUTF(home.elsewhere().get().id());
            out.writeUTF(home.elsewhere().get().url());
        }
    }
}
