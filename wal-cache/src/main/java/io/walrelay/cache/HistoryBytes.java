package io.walrelay.cache;

import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** A lineage as the files of the data directory have it: timeline (int4), length of the text (int4), and the text of its {@code .history} file. */
final class HistoryBytes {

    private HistoryBytes() {}

    static TimelineHistory read(DataInputStream in) throws IOException {
        TimelineId timeline = new TimelineId(in.readInt());
        byte[] text = in.readNBytes(in.readInt());
        return TimelineHistory.parse(timeline, new String(text, StandardCharsets.UTF_8));
    }

    /** Not writeUTF: the reasons in a history are free text, and with many timelines it passes 64 kB. */
    static void write(DataOutputStream out, TimelineHistory history) throws IOException {
        byte[] text = history.format().getBytes(StandardCharsets.UTF_8);
        out.writeInt(history.timeline().value());
        out.writeInt(text.length);
        out.write(text);
    }
}
