package io.walrelay.cache;

/** A pin that would not keep what it says, or whose name is taken. The message says what to do. */
public final class PinRefusedException extends Exception {

    private static final long serialVersionUID = 1;

    PinRefusedException(String message) {
        super(message);
    }
}
