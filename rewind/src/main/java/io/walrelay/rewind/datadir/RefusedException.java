package io.walrelay.rewind.datadir;

import java.util.Optional;

/** Why a rewind can't be: the reason, and what to do about it where there is something. Nothing was changed on its account. */
public final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;

    private final String hint;

    public RefusedException(String message) {
        this(message, "");
    }

    /** @param hint a sentence, empty for none */
    public RefusedException(String message, String hint) {
        super(message);
        this.hint = hint;
    }

    public Optional<String> hint() {
        return Optional.of(hint).filter(text -> !text.isEmpty());
    }
}
