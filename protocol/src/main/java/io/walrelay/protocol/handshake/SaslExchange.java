package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage.Authentication;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSasl;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslContinue;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslFinal;
import io.walrelay.protocol.message.Secret;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * SASL around SCRAM, seen from the server (CheckSASLAuth in auth-sasl.c).
 *
 *     SASLInitialResponse = mechanism, zero byte, int32 length or -1, client-first-message
 *     SASLResponse        = client-final-message
 */
final class SaslExchange implements ServerExchange {

    private final PasswordVerifier.Scram verifier;
    private final boolean doomed;
    private final Optional<Secret> channelBinding;
    private final Supplier<String> nonces;
    /** Null until the client has named a mechanism. */
    private @Nullable ScramExchange scram;

    /** {@code channelBinding}: data of tls-server-end-point; when present, SCRAM-SHA-256-PLUS is offered. */
    SaslExchange(
            PasswordVerifier.Scram verifier, boolean doomed, Optional<Secret> channelBinding, Supplier<String> nonces) {
        this.verifier = verifier;
        this.doomed = doomed;
        this.channelBinding = channelBinding;
        this.nonces = nonces;
    }

    @Override
    public Authentication request() {
        return new AuthenticationSasl(
                channelBinding.isPresent() ? List.of(ScramSha256.PLUS_NAME, ScramSha256.NAME) : List.of(ScramSha256.NAME));
    }

    @Override
    public String expected() {
        return "SASL response";
    }

    @Override
    public Verdict answer(byte[] body) {
        return scram == null ? initial(body) : step(scram, body);
    }

    private Verdict initial(byte[] body) {
        int end = ServerExchange.indexOfZero(body);
        if (end == body.length) {
            return new Verdict.Refused(ServerExchange.violation("invalid string in message"));
        }
        String mechanism = ServerExchange.ascii(body, 0, end);
        boolean bound = mechanism.equals(ScramSha256.PLUS_NAME) && channelBinding.isPresent();
        if (!bound && !mechanism.equals(ScramSha256.NAME)) {
            return new Verdict.Refused(
                    ServerExchange.violation("client selected an invalid SASL authentication mechanism"));
        }
        ByteBuffer rest = ByteBuffer.wrap(body, end + 1, body.length - end - 1);
        if (rest.remaining() < Integer.BYTES) {
            return new Verdict.Refused(ServerExchange.violation("insufficient data left in message"));
        }
        int length = rest.getInt();
        ScramExchange exchange = new ScramExchange(verifier, doomed, channelBinding, bound, nonces);
        if (length == -1 && !rest.hasRemaining()) {
            scram = exchange;
            // No initial response: an empty challenge asks for it.
            return new Verdict.Ask(new AuthenticationSaslContinue(Secret.of(new byte[0])));
        }
        if (length < 0 || length > rest.remaining()) {
            return new Verdict.Refused(ServerExchange.violation("insufficient data left in message"));
        }
        if (length < rest.remaining()) {
            return new Verdict.Refused(ServerExchange.violation("invalid message format"));
        }
        scram = exchange;
        return step(exchange, Arrays.copyOfRange(body, rest.position(), body.length));
    }

    private static Verdict step(ScramExchange exchange, byte[] message) {
        return switch (exchange.step(message)) {
            case ScramExchange.Step.Challenge(var serverFirst) -> new Verdict.Ask(new AuthenticationSaslContinue(serverFirst));
            case ScramExchange.Step.Proved(var serverFinal, var keys) ->
                new Verdict.Proved(Optional.of(new AuthenticationSaslFinal(serverFinal)), Optional.of(keys));
            case ScramExchange.Step.WrongProof() -> new Verdict.WrongPassword();
            case ScramExchange.Step.Refused(var diagnostic) -> new Verdict.Refused(diagnostic);
        };
    }
}
