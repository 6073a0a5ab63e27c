package io.walrelay.rewind.journal;

import java.io.IOException;

/** A file system has not the room that a change will need. The message names it, what is needed and what is free. */
public final class NotEnoughSpaceException extends IOException {
    private static final long serialVersionUID = 1;

    NotEnoughSpaceException(String message) {
        super(message);
    }
}
