package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage.Authentication;
import io.walrelay.protocol.message.BackendMessage.AuthenticationMd5Password;
import io.walrelay.protocol.message.Secret;
import java.util.Optional;

/** Method {@code md5} for a user with an md5 verifier (CheckMD5Auth in auth.c). {@code salt} has 4 random bytes. */
record Md5Exchange(PasswordVerifier.Md5 verifier, Secret salt) implements ServerExchange {

    @Override
    public Authentication request() {
        return new AuthenticationMd5Password(salt);
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
                Secret right = Secret.utf8("md5" + Md5Password.salted(verifier.hash().utf8(), salt.bytes()));
                yield right.equals(password)
                        ? new Verdict.Proved(Optional.empty(), Optional.empty())
                        : new Verdict.WrongPassword();
            }
        };
    }
}
