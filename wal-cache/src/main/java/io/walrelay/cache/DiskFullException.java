package io.walrelay.cache;

import java.io.IOException;
import java.util.Locale;

/** There is no room for another segment. Nothing was lost and nothing is broken: the writer may try again once there is. */
public final class DiskFullException extends IOException {

    private static final long serialVersionUID = 1;

    DiskFullException(String message, IOException cause) {
        super(message, cause);
    }

    /** Tells a full disk from other faults, which Java does only by the text of errno. */
    static IOException orAsItIs(IOException e) {
        String text = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        boolean full = text.contains("no space left on device") || text.contains("disk quota exceeded");
        return full ? new DiskFullException("the relay's disk is full: " + e.getMessage(), e) : e;
    }
}
