package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Diagnostic;
import java.util.Optional;

/**
 * How a user has to prove who he is: the driver's answer to {@link ServerAction.Admit}. No verifier means that there is no such user or that
 * he has no password: the conversation goes on as with any other user and ends as with a wrong password.
 */
public sealed interface AuthenticationDecision {

    record Trust() implements AuthenticationDecision {}

    record Reject(Diagnostic diagnostic) implements AuthenticationDecision {}

    /** Method {@code password}. */
    record CleartextPassword(Optional<PasswordVerifier> verifier) implements AuthenticationDecision {}

    /** Method {@code md5}: with any verifier but an md5 one it is scram-sha-256, as in CheckPWChallengeAuth of auth.c. */
    record Md5(Optional<PasswordVerifier> verifier) implements AuthenticationDecision {}

    /** Method {@code scram-sha-256}: an md5 verifier is as good as none. */
    record ScramSha256(Optional<PasswordVerifier> verifier) implements AuthenticationDecision {}

    /** Method {@code cert}: {@code nameMatches} tells whether the certificate, which TLS has verified, names this user. */
    record Cert(boolean nameMatches) implements AuthenticationDecision {}
}
