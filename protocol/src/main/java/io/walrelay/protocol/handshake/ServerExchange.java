package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.Authentication;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.Secret;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** The password part of a server's handshake: one request, then an answer to each message of type {@code p}. Confined like its handshake. */
sealed interface ServerExchange permits CleartextExchange, Md5Exchange, SaslExchange {

    sealed interface Verdict {
        record Ask(Authentication message) implements Verdict {}

        /** {@code last} is sent before AuthenticationOk. */
        record Proved(Optional<BackendMessage> last, Optional<ScramKeys> keys) implements Verdict {}

        record WrongPassword() implements Verdict {}

        /** Refused for another reason than a wrong password. */
        record Refused(Diagnostic diagnostic) implements Verdict {}
    }

    Authentication request();

    /** As in PostgreSQL's error text: {@code password response}, {@code SASL response}. */
    String expected();

    Verdict answer(byte[] body);

    static Diagnostic violation(String message) {
        return Diagnostic.fatal("08P01", message);
    }

    /** The password in a PasswordMessage, or why there is none (recv_password_packet in auth.c). */
    sealed interface PasswordMessage {
        record Password(Secret password) implements PasswordMessage {}

        record Malformed(Diagnostic diagnostic) implements PasswordMessage {}

        static PasswordMessage read(byte[] body) {
            int end = indexOfZero(body);
            if (end != body.length - 1) {
                return new Malformed(violation("invalid password packet size"));
            }
            if (end == 0) {
                return new Malformed(Diagnostic.fatal("28P01", "empty password returned by client"));
            }
            return new Password(Secret.of(Arrays.copyOf(body, end)));
        }
    }

    /** The position of the first zero byte; the length when there is none. */
    static int indexOfZero(byte[] body) {
        int i = 0;
        while (i < body.length && body[i] != 0) {
            i++;
        }
        return i;
    }

    static String ascii(byte[] bytes, int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
    }
}
