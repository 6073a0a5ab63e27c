package io.walrelay.cache.archive;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** An object is there, and is not what it should be. The message says what is wrong with it. */
public sealed class DamagedObjectException extends IOException {

    private static final long serialVersionUID = 1;

    /** It is encrypted with another key than the one that is here: for whoever has that, it may be good. */
    public static final class WrongKeyException extends DamagedObjectException {
        private static final long serialVersionUID = 1;

        WrongKeyException(String message) {
            super(message);
        }
    }

    DamagedObjectException(String message) {
        this(message, null);
    }

    DamagedObjectException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
