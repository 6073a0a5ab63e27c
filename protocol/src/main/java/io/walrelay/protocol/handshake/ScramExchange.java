package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.Secret;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS seen from the server (RFC 5802, 7677; auth-scram.c): two steps, after a refusal none.
 *
 *     client-first  [n|y|p=tls-server-end-point],,n=…,r=client-nonce          the user's name in it is ignored, as PostgreSQL does
 *     server-first  r=client-nonce server-nonce,s=salt,i=iterations
 *     client-final  c=channel-binding,r=client-nonce server-nonce,p=proof
 *     server-final  v=server-signature
 */
final class ScramExchange {

    sealed interface Step {
        record Challenge(Secret serverFirst) implements Step {}

        record Proved(Secret serverFinal, ScramKeys keys) implements Step {}

        record WrongProof() implements Step {}

        record Refused(Diagnostic diagnostic) implements Step {}
    }

    private enum State {
        FIRST,
        FINAL,
        OVER
    }

    private static final Base64.Encoder BASE64 = Base64.getEncoder();

    private final PasswordVerifier.Scram verifier;
    private final boolean doomed;
    private final Optional<Secret> channelBinding;
    private final boolean bound;
    private final Supplier<String> nonces;

    private State state = State.FIRST;
    private char bindingFlag;
    private String clientFirstBare = "";
    private String serverFirst = "";
    private String nonce = "";

    /**
     * @param doomed fails in the end whatever the proof
     * @param channelBinding data of tls-server-end-point; present when SCRAM-SHA-256-PLUS was offered
     * @param bound the client chose SCRAM-SHA-256-PLUS
     * @param nonces printable ASCII without comma, hard to guess, never the same twice
     */
    ScramExchange(
            PasswordVerifier.Scram verifier,
            boolean doomed,
            Optional<Secret> channelBinding,
            boolean bound,
            Supplier<String> nonces) {
        this.verifier = verifier;
        this.doomed = doomed;
        this.channelBinding = channelBinding;
        this.bound = bound;
        this.nonces = nonces;
    }

    Step step(byte[] message) {
        // One char per byte: the proof is over the very bytes that the client sent.
        String text = new String(message, StandardCharsets.ISO_8859_1);
        try {
            if (text.isEmpty()) {
                throw ScramAttributes.malformed("The message is empty.");
            }
            if (text.indexOf(0) >= 0) {
                throw ScramAttributes.malformed("Message length does not match input length.");
            }
            return switch (state) {
                case FIRST -> {
                    readClientFirst(new ScramAttributes(text));
                    state = State.FINAL;
                    yield new Step.Challenge(Secret.utf8(serverFirst));
                }
                case FINAL -> {
                    state = State.OVER;
                    yield readClientFinal(text);
                }
                case OVER -> throw new IllegalStateException("a SCRAM message after the exchange was over");
            };
        } catch (ScramAttributes.Refusal refusal) {
            state = State.OVER;
            return new Step.Refused(refusal.diagnostic());
        }
    }

    private void readClientFirst(ScramAttributes message) throws ScramAttributes.Refusal {
        readBindingFlag(message);
        if (message.peek() == 'a') {
            throw new ScramAttributes.Refusal(
                    Diagnostic.fatal("0A000", "client uses authorization identity, but it is not supported"));
        }
        if (message.peek() != ',') {
            throw ScramAttributes.malformed("Unexpected attribute \"%s\" in client-first-message."
                    .formatted(ScramAttributes.sanitized(message.peek())));
        }
        message.skip();
        clientFirstBare = message.rest();
        if (message.peek() == 'm') {
            throw new ScramAttributes.Refusal(
                    Diagnostic.fatal("0A000", "client requires an unsupported SCRAM extension"));
        }
        message.value('n');
        String clientNonce = message.value('r');
        if (!ScramAttributes.isPrintable(clientNonce)) {
            throw new ScramAttributes.Refusal(ServerExchange.violation("non-printable characters in SCRAM nonce"));
        }
        while (message.peek() != ScramAttributes.END) {
            message.value();
        }
        nonce = clientNonce + nonces.get();
        serverFirst = "r=%s,s=%s,i=%d".formatted(nonce, BASE64.encodeToString(verifier.salt().bytes()), verifier.iterations());
    }

    private void readBindingFlag(ScramAttributes message) throws ScramAttributes.Refusal {
        bindingFlag = message.peek();
        switch (bindingFlag) {
            case 'n', 'y' -> {
                if (bound) {
                    throw ScramAttributes.malformed("The client selected SCRAM-SHA-256-PLUS,"
                            + " but the SCRAM message does not include channel binding data.");
                }
                if (bindingFlag == 'y' && channelBinding.isPresent()) {
                    // PLUS was offered, and the client did not see it: someone took it out on the way.
                    throw new ScramAttributes.Refusal(Diagnostic.fatal("28000", "SCRAM channel binding negotiation error")
                            .withDetail("The client supports SCRAM channel binding but thinks the server does not."
                                    + "  However, this server does support channel binding."));
                }
                message.skip();
                message.comma();
            }
            case 'p' -> {
                if (!bound) {
                    throw ScramAttributes.malformed("The client selected SCRAM-SHA-256 without channel binding,"
                            + " but the SCRAM message includes channel binding data.");
                }
                String type = message.value('p');
                if (!type.equals(ScramSha256.BINDING_TYPE)) {
                    throw new ScramAttributes.Refusal(ServerExchange.violation(
                            "unsupported SCRAM channel-binding type \"%s\"".formatted(ScramAttributes.sanitized(type))));
                }
            }
            default -> throw ScramAttributes.malformed(
                    "Unexpected channel-binding flag \"%s\".".formatted(ScramAttributes.sanitized(bindingFlag)));
        }
    }

    private Step readClientFinal(String text) throws ScramAttributes.Refusal {
        ScramAttributes message = new ScramAttributes(text);
        checkBinding(message.value('c'));
        String finalNonce = message.value('r');
        int withoutProof;
        char name;
        String proofText;
        do {
            // The comma before the proof belongs to neither part.
            withoutProof = message.position() - 1;
            name = message.peek();
            proofText = message.value();
        } while (name != 'p');
        byte[] proof = proof(proofText);
        if (message.peek() != ScramAttributes.END) {
            throw ScramAttributes.malformed("Garbage found at the end of client-final-message.");
        }
        if (!Secret.utf8(finalNonce).equals(Secret.utf8(nonce))) {
            throw new ScramAttributes.Refusal(
                    ServerExchange.violation("invalid SCRAM response").withDetail("Nonce does not match."));
        }

        byte[] authMessage = (clientFirstBare + "," + serverFirst + "," + text.substring(0, withoutProof))
                .getBytes(StandardCharsets.ISO_8859_1);
        byte[] clientKey =
                ScramSha256.xor(proof, ScramSha256.signature(verifier.storedKey().bytes(), authMessage));
        boolean right = Secret.of(ScramSha256.storedKey(clientKey)).equals(verifier.storedKey());
        // The proof is computed first and for everybody: the time tells nothing about the user.
        if (!right || doomed) {
            return new Step.WrongProof();
        }
        byte[] signature = ScramSha256.signature(verifier.serverKey().bytes(), authMessage);
        return new Step.Proved(
                Secret.utf8("v=" + BASE64.encodeToString(signature)), new ScramKeys(Secret.of(clientKey), verifier.serverKey()));
    }

    private void checkBinding(String value) throws ScramAttributes.Refusal {
        byte[] header = (bound ? "p=" + ScramSha256.BINDING_TYPE + ",," : bindingFlag + ",,")
                .getBytes(StandardCharsets.US_ASCII);
        byte[] data = bound ? channelBinding.map(Secret::bytes).orElseThrow() : new byte[0];
        byte[] expected = Arrays.copyOf(header, header.length + data.length);
        System.arraycopy(data, 0, expected, header.length, data.length);
        if (value.equals(BASE64.encodeToString(expected))) {
            return;
        }
        throw new ScramAttributes.Refusal(
                bound
                        ? Diagnostic.fatal("28000", "SCRAM channel binding check failed")
                        : ServerExchange.violation("unexpected SCRAM channel-binding attribute in client-final-message"));
    }

    private static byte[] proof(String base64) throws ScramAttributes.Refusal {
        byte[] proof;
        try {
            proof = Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException notBase64) {
            throw ScramAttributes.malformed("Malformed proof in client-final-message.");
        }
        if (proof.length != ScramSha256.KEY_LENGTH) {
            throw ScramAttributes.malformed("Malformed proof in client-final-message.");
        }
        return proof;
    }
}
