package io.walrelay.rewind.journal;

import java.io.IOException;

/** A server, or another change, has the directory. The message names the process. */
public final class NotStoppedException extends IOException {
    private static final long serialVersionUID = 1;

    NotStoppedException(String message) {
        super(message);
    }
}
