package io.walrelay.rewind.journal;

import java.io.IOException;

/** The directory is half changed by an earlier run. The message says what to run. */
public final class UnfinishedChangeException extends IOException {
    private static final long serialVersionUID = 1;

    UnfinishedChangeException(String message) {
        super(message);
    }
}
