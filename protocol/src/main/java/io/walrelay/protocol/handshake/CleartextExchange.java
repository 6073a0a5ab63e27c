package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage.Authentication;
import io.walrelay.protocol.message.BackendMessage.AuthenticationCleartextPassword;
import java.util.Optional;

/** Method {@code password} (CheckPasswordAuth in auth.c). */
record CleartextExchange(String user, PasswordVerifier verifier, boolean doomed) implements ServerExchange {

    @Override
    public Authentication request() {
        return new AuthenticationCleartextPassword();
    }

    @Override
    public String expected() {
        return "password response";
    }

    @Override
    public Verdict answer(byte[] body) {
        return switch (PasswordMessage.read(body)) {
            case PasswordMessage.Malformed(var diagnostic) -> new Verdict.Refused(diagnostic);
            case PasswordMessage.Password(var password) -> {
                // Computed even when it can't count, so that the time tells nothing about the user.
                boolean matches = verifier.matches(user, password);
                yield matches && !doomed ? new Verdict.Proved(Optional.empty(), Optional.empty()) : new Verdict.WrongPassword();
            }
        };
    }
}
