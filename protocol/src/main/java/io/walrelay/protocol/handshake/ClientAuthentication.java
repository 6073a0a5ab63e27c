package io.walrelay.protocol.handshake;

import com.ongres.scram.client.ScramClient;
import com.ongres.scram.common.StringPreparation;
import com.ongres.scram.common.exception.ScramException;
import com.ongres.scram.common.exception.ScramParseException;
import com.ongres.scram.common.exception.ScramServerErrorException;
import io.walrelay.protocol.handshake.RequireAuth.Method;
import io.walrelay.protocol.message.BackendMessage.Authentication;
import io.walrelay.protocol.message.BackendMessage.AuthenticationCleartextPassword;
import io.walrelay.protocol.message.BackendMessage.AuthenticationMd5Password;
import io.walrelay.protocol.message.BackendMessage.AuthenticationOk;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSasl;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslContinue;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslFinal;
import io.walrelay.protocol.message.BackendMessage.AuthenticationUnsupported;
import io.walrelay.protocol.message.Secret;
import java.io.Serial;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The password part of a client's handshake (pg_fe_sendauth in fe-auth.c). Stricter than libpq in two things: once SCRAM has begun,
 * AuthenticationOk counts only after the server has proved that it knows the password; and who logs in with keys, for somebody else, must have been
 * asked for them. Else the session would be granted for the address or the certificate of whoever logs in.
 */
final class ClientAuthentication {

    sealed interface Reply {
        record Answer(Secret body) implements Reply {}

        /** SASL went well; AuthenticationOk follows. */
        record Wait() implements Reply {}

        record Done() implements Reply {}

        record Fail(ClientFailure failure) implements Reply {}
    }

    private enum State {
        UNASKED,
        PASSWORD_SENT,
        CLIENT_FIRST_SENT,
        CLIENT_FINAL_SENT,
        SERVER_PROVED
    }

    /** Leaves no method of this class but becomes a {@link Reply.Fail}. */
    private static final class Failed extends Exception {
        @Serial
        private static final long serialVersionUID = 1L;

        private final transient ClientFailure failure;

        Failed(ClientFailure failure) {
            super(failure.reason(), null, false, false);
            this.failure = failure;
        }
    }

    /** A server that asks for more would keep this process busy: about a second at this limit. */
    static final int MAX_ITERATIONS = 1_000_000;
    /** Far above what a nonce and a salt need. */
    private static final int MAX_MESSAGE_LENGTH = 2048;
    /** The server takes the name from the startup packet. */
    private static final String IGNORED_USER = "*";

    /*
     * The library meets some malformed messages with assertions and null pointers, and leaves extensions out of what it proves: so it only
     * sees messages of the form that PostgreSQL sends. libpq takes no extensions either.
     */
    private static final Pattern SERVER_FIRST =
            Pattern.compile("r=[!-+\\--~]+,s=[A-Za-z0-9+/]{2,}={0,2},i=[1-9][0-9]{0,8}");
    private static final Pattern SERVER_FINAL =
            Pattern.compile("e=[^,\0]+|v=[A-Za-z0-9+/]{43}=");

    private final ClientLogin login;
    private final ClientSecurity security;
    private final Transport transport;
    private State state = State.UNASKED;
    private boolean bound;
    /** Present from CLIENT_FIRST_SENT on. */
    private Optional<ScramClient> scram = Optional.empty();

    ClientAuthentication(ClientLogin login, ClientSecurity security, Transport transport) {
        this.login = login;
        this.security = security;
        this.transport = transport;
    }

    Reply on(Authentication message) {
        try {
            return switch (message) {
                case AuthenticationOk() -> finish();
                case AuthenticationCleartextPassword() -> {
                    String password = forPassword(Method.PASSWORD, "server requested a cleartext password");
                    yield passwordMessage(password);
                }
                case AuthenticationMd5Password(var salt) -> {
                    String password = forPassword(Method.MD5, "server requested a hashed password");
                    String stored = Md5Password.stored(password.getBytes(StandardCharsets.UTF_8), login.user());
                    yield passwordMessage("md5" + Md5Password.salted(stored, salt.bytes()));
                }
                case AuthenticationSasl(var mechanisms) -> begin(mechanisms);
                case AuthenticationSaslContinue(var data) -> prove(data);
                case AuthenticationSaslFinal(var data) -> verify(data);
                case AuthenticationUnsupported(var type) ->
                    throw new Failed(new ClientFailure.Untrusted(
                            "authentication method %d not supported; expected password, md5 or scram-sha-256".formatted(type)));
            };
        } catch (Failed failed) {
            return new Reply.Fail(failed.failure);
        }
    }

    private Reply finish() throws Failed {
        if (state == State.CLIENT_FIRST_SENT || state == State.CLIENT_FINAL_SENT) {
            throw new Failed(new ClientFailure.Untrusted(
                    security.requireAuth().allows(Method.NONE)
                            ? "server did not complete SCRAM authentication"
                            : security.requireAuth().failure("server did not complete authentication")));
        }
        if (login.credential() instanceof Credential.Keys && state != State.SERVER_PROVED) {
            throw new Failed(new ClientFailure.Untrusted(
                    "server lets user \"%s\" in without a password; expected scram-sha-256 for this user and address in its pg_hba.conf".formatted(login.user())));
        }
        if (state == State.UNASKED) {
            demandMethod(Method.NONE, "server did not complete authentication");
        }
        if (security.channelBinding() == ChannelBindingMode.REQUIRE && !(bound && state == State.SERVER_PROVED)) {
            throw new Failed(new ClientFailure.Untrusted(
                    "channel binding required, but server authenticated client without channel binding"));
        }
        return new Reply.Done();
    }

    private String forPassword(Method method, String reason) throws Failed {
        expect(State.UNASKED, "a password request");
        demandMethod(method, reason);
        if (security.channelBinding() == ChannelBindingMode.REQUIRE) {
            throw new Failed(new ClientFailure.Untrusted(
                    "channel binding required but not supported by server's authentication request"));
        }
        String password = password();
        state = State.PASSWORD_SENT;
        return password;
    }

    private static Reply passwordMessage(String password) {
        return new Reply.Answer(Secret.utf8(password + "\0"));
    }

    private Reply begin(List<String> mechanisms) throws Failed {
        expect(State.UNASKED, "AuthenticationSASL");
        demandMethod(Method.SCRAM_SHA_256, "server requested SASL authentication");
        ScramClient client = scramClient(mechanisms);
        scram = Optional.of(client);
        bound = client.getScramMechanism().isPlus();
        state = State.CLIENT_FIRST_SENT;

        byte[] mechanism = client.getScramMechanism().getName().getBytes(StandardCharsets.US_ASCII);
        byte[] first = client.clientFirstMessage().toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer body = ByteBuffer.allocate(mechanism.length + 1 + Integer.BYTES + first.length)
                .put(mechanism)
                .put((byte) 0)
                .putInt(first.length)
                .put(first);
        return new Reply.Answer(Secret.of(body.array()));
    }

    private ScramClient scramClient(List<String> offered) throws Failed {
        boolean plusOffered = offered.contains(ScramSha256.PLUS_NAME);
        if (plusOffered && transport instanceof Transport.Plaintext) {
            // Somebody between may have taken TLS off.
            throw new Failed(new ClientFailure.Untrusted(
                    "server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection"));
        }
        Optional<Secret> binding = security.channelBinding() == ChannelBindingMode.DISABLE
                ? Optional.empty()
                : transport.channelBinding();
        boolean plus = plusOffered && binding.isPresent();
        if (!plus && security.channelBinding() == ChannelBindingMode.REQUIRE) {
            throw new Failed(new ClientFailure.Untrusted("channel binding is required, but server did not offer an"
                    + " authentication method that supports channel binding"));
        }
        if (!plus && !offered.contains(ScramSha256.NAME)) {
            throw new Failed(new ClientFailure.Untrusted("none of the server's SASL authentication mechanisms are supported"));
        }
        List<String> usable = new ArrayList<>(List.of(ScramSha256.NAME));
        if (plus) {
            usable.addFirst(ScramSha256.PLUS_NAME);
        }
        var named = ScramClient.builder().advertisedMechanisms(usable).username(IGNORED_USER);
        var builder =
                switch (login.credential()) {
                    case Credential.Password _ ->
                        named.password(password().toCharArray()).stringPreparation(StringPreparation.POSTGRESQL_PREPARATION);
                    case Credential.Keys(var keys) ->
                        named.clientAndServerKey(keys.clientKey().bytes(), keys.serverKey().bytes());
                };
        // With data but without -PLUS the library sends the flag y, by which a server sees that its offer was stripped.
        binding.ifPresent(data -> builder.channelBinding(ScramSha256.BINDING_TYPE, data.bytes()));
        return builder.build();
    }

    private Reply prove(Secret serverFirst) throws Failed {
        expect(State.CLIENT_FIRST_SENT, "AuthenticationSASLContinue");
        ScramClient client = scram.orElseThrow();
        demandForm(SERVER_FIRST, serverFirst, "server-first-message");
        try {
            int iterations = client.serverFirstMessage(serverFirst.utf8()).getIterationCount();
            if (iterations > MAX_ITERATIONS) {
                throw new Failed(new ClientFailure.Untrusted("server demands %d SCRAM iterations; expected at most %d"
                        .formatted(iterations, MAX_ITERATIONS)));
            }
            state = State.CLIENT_FINAL_SENT;
            return new Reply.Answer(Secret.utf8(client.clientFinalMessage().toString()));
        } catch (ScramParseException | IllegalArgumentException malformed) {
            throw new Failed(new ClientFailure.Violation("malformed SCRAM message: server-first-message"));
        } catch (IndexOutOfBoundsException vanished) {
            // The library has no answer to a password of which SASLprep leaves nothing, such as a lone soft hyphen.
            throw new Failed(new ClientFailure.NoPassword(
                    "SASLprep leaves nothing of the password for user \"%s\"".formatted(login.user())));
        }
    }

    private Reply verify(Secret serverFinal) throws Failed {
        expect(State.CLIENT_FINAL_SENT, "AuthenticationSASLFinal");
        demandForm(SERVER_FINAL, serverFinal, "server-final-message");
        try {
            scram.orElseThrow().serverFinalMessage(serverFinal.utf8());
        } catch (ScramParseException | IllegalArgumentException malformed) {
            throw new Failed(new ClientFailure.Violation("malformed SCRAM message: server-final-message"));
        } catch (ScramServerErrorException error) {
            throw new Failed(new ClientFailure.Untrusted("error received from server in SCRAM exchange"));
        } catch (ScramException wrong) {
            throw new Failed(new ClientFailure.Untrusted("incorrect server signature"));
        }
        state = State.SERVER_PROVED;
        return new Reply.Wait();
    }

    private String password() throws Failed {
        return switch (login.credential()) {
            case Credential.Password(var ask) ->
                ask.get()
                        .filter(password -> !password.isEmpty())
                        .orElseThrow(() -> new Failed(new ClientFailure.NoPassword(
                                "no password supplied for user \"%s\"".formatted(login.user()))));
            case Credential.Keys _ ->
                throw new Failed(new ClientFailure.NoPassword(
                        "server wants the password itself for user \"%s\"; expected scram-sha-256, which keys are enough for"
                                .formatted(login.user())));
        };
    }

    private static void demandForm(Pattern form, Secret message, String name) throws Failed {
        if (message.length() > MAX_MESSAGE_LENGTH || !form.matcher(message.utf8()).matches()) {
            throw new Failed(new ClientFailure.Violation("malformed SCRAM message: " + name));
        }
    }

    private void demandMethod(Method method, String reason) throws Failed {
        if (!security.requireAuth().allows(method)) {
            throw new Failed(new ClientFailure.Untrusted(security.requireAuth().failure(reason)));
        }
    }

    private void expect(State expected, String message) throws Failed {
        if (state != expected) {
            throw new Failed(new ClientFailure.Violation("unexpected %s from server".formatted(message)));
        }
    }
}
