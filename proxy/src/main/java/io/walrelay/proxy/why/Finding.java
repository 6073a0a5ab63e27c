package io.walrelay.proxy.why;

import java.util.Optional;

/**
 * One thing that keeps a standby from streaming, or behind.
 *
 * @param cause stable, for programs: {@code ahead}, {@code slot-lost}
 * @param stops whether it gets no WAL until somebody does something
 * @param sentence one, for people
 * @param command that mends it, or shows more; to paste
 */
public record Finding(String cause, boolean stops, String sentence, Optional<String> command) {

    static Finding stops(String cause, String sentence, String command) {
        return new Finding(cause, true, sentence, Optional.of(command));
    }

    static Finding delays(String cause, String sentence, String command) {
        return new Finding(cause, false, sentence, Optional.of(command));
    }
}
