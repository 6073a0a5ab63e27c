package io.walrelay.cache.archive;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** An object is there, and is not what it should be. The message says what is wrong with it. */
public final class DamagedObjectException extends IOException {

    private static final long serialVersionUID = 1;

    DamagedObjectException(String message) {
        this(message, null);
    }

    DamagedObjectException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
