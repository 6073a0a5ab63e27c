package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.Authentication;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyBothResponse;
import io.walrelay.protocol.message.BackendMessage.CopyData;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.EmptyQueryResponse;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ExtendedAnswer;
import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.BackendMessage.NoticeResponse;
import io.walrelay.protocol.message.BackendMessage.Other;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import io.walrelay.protocol.message.FrontendMessage.SslRequest;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The client's side of opening and authenticating one session, or of canceling what another one does (PQconnectPoll in fe-connect.c,
 * fe-auth.c, fe-cancel.c): each call returns what to do now, in order. Confined to its connection's event loop. After {@link ClientAction.Fail}
 * every message is dropped; after {@link ClientAction.Connected} and {@link ClientAction.CancelSent} nothing may be called.
 *
 * <p>The TLS itself is the driver's: certificate and host name as sslmode demands, ALPN {@code postgresql}. A SCRAM login costs the server's
 * iterations inside {@link #onMessage}, at most a million. A time limit is the driver's.
 */
public final class ClientHandshake {

    private enum State {
        UNOPENED,
        AWAITING_SSL_ANSWER,
        AWAITING_TLS,
        AUTHENTICATING,
        AWAITING_READY,
        CONNECTED,
        FAILED
    }

    /** What the connection is for. */
    private sealed interface Purpose {
        record LogIn(ClientLogin login) implements Purpose {}

        record Cancel(CancelRequest request) implements Purpose {}
    }

    private final Purpose purpose;
    private final ClientSecurity security;
    private final Map<String, String> parameters = new LinkedHashMap<>();
    private State state = State.UNOPENED;
    private SslMode.Attempt attempt;
    private ProtocolVersion version;
    private boolean negotiated;
    private Optional<BackendKeyData> key = Optional.empty();
    /** Not null from the state AUTHENTICATING on. */
    private @Nullable ClientAuthentication authentication;

    /** {@code attempt} comes from {@link SslMode#first}, or from the {@link ClientFailure.Retry} of the connection before. */
    public ClientHandshake(ClientLogin login, ClientSecurity security, SslMode.Attempt attempt) {
        this(new Purpose.LogIn(login), security, attempt);
    }

    /** Cancels what a session does; {@code attempt} is as that session's own connection was, so that the key travels no less safely. */
    public ClientHandshake(CancelRequest request, ClientSecurity security, SslMode.Attempt attempt) {
        this(new Purpose.Cancel(request), security, attempt);
    }

    private ClientHandshake(Purpose purpose, ClientSecurity security, SslMode.Attempt attempt) {
        this.purpose = purpose;
        this.security = security;
        this.attempt = attempt;
        this.version = security.maxProtocolVersion();
    }

    /** The connection stands. */
    public List<ClientAction> start() {
        require(State.UNOPENED);
        if (!attempt.tls()) {
            return open(new Transport.Plaintext());
        }
        if (security.directTls()) {
            state = State.AWAITING_TLS;
            return List.of(new ClientAction.StartTls());
        }
        state = State.AWAITING_SSL_ANSWER;
        return List.of(new ClientAction.Send(new SslRequest()));
    }

    /** Whether the next byte is the answer to SSLRequest and no message: it goes to {@link #onSslAnswer}. */
    public boolean awaitsSslAnswer() {
        return state == State.AWAITING_SSL_ANSWER;
    }

    /**
     * The server's answer to SSLRequest.
     *
     * @param moreReceived bytes came together with it. After S they are not the server's: it waits for TLS to begin (CVE-2021-23222)
     */
    public List<ClientAction> onSslAnswer(byte answer, boolean moreReceived) {
        require(State.AWAITING_SSL_ANSWER);
        return switch (answer) {
            case 'S' -> {
                if (moreReceived) {
                    yield fail(new ClientFailure.Untrusted("received unencrypted data after SSL response"));
                }
                state = State.AWAITING_TLS;
                yield List.of(new ClientAction.StartTls());
            }
            case 'N' -> {
                if (moreReceived) {
                    yield fail(new ClientFailure.Violation("received data after the server declined SSL"));
                }
                if (attempt.last()) {
                    yield fail(new ClientFailure.Untrusted("server does not support SSL, but SSL was required"));
                }
                attempt = attempt.other();
                yield open(new Transport.Plaintext());
            }
            // What the error says is not read: nobody has proved yet to be the server (CVE-2024-10977).
            case 'E' -> fail(new ClientFailure.Violation("server sent an error response during SSL exchange"));
            default -> fail(new ClientFailure.Violation(
                    "received invalid response to SSL negotiation: 0x%02x; expected S or N".formatted(answer)));
        };
    }

    public List<ClientAction> onTlsEstablished(Transport.Tls tls) {
        require(State.AWAITING_TLS);
        if (security.directTls() && !tls.speaksPostgresql()) {
            return fail(new ClientFailure.Untrusted(
                    "direct SSL connection was established without ALPN protocol negotiation extension"));
        }
        return open(tls);
    }

    /** The TLS handshake failed; {@code reason} says how. */
    public List<ClientAction> onTlsFailed(String reason) {
        require(State.AWAITING_TLS);
        return fail(attempt.last()
                ? new ClientFailure.Untrusted(reason)
                : new ClientFailure.Retry(attempt.other(), reason));
    }

    public List<ClientAction> onMessage(BackendMessage message) {
        return switch (state) {
            case AUTHENTICATING -> onAuthenticating(message);
            case AWAITING_READY -> onStarting(message);
            case FAILED -> {
                release(message);
                yield List.of();
            }
            case UNOPENED, AWAITING_SSL_ANSWER, AWAITING_TLS, CONNECTED -> {
                release(message);
                throw new IllegalStateException("a message for a handshake in state " + state);
            }
        };
    }

    private List<ClientAction> onAuthenticating(BackendMessage message) {
        return switch (message) {
            case Authentication request -> onAuthentication(request);
            case NegotiateProtocolVersion answer -> onNegotiate(answer);
            // Perhaps pg_hba.conf has a line for the other kind of connection only.
            case ErrorResponse(var diagnostic) ->
                fail(attempt.last()
                        ? refusal(diagnostic)
                        : new ClientFailure.Retry(attempt.other(), diagnostic.toString()));
            case NoticeResponse(var diagnostic) -> List.of(new ClientAction.Notice(diagnostic));
            case ParameterStatus _, BackendKeyData _, ReadyForQuery _ -> onUnexpected(message, "authentication request");
            case RowDescription _, DataRow _, CommandComplete _, EmptyQueryResponse _ ->
                onUnexpected(message, "authentication request");
            case CopyBothResponse _, CopyData _, CopyDone _, Other _, ExtendedAnswer _ -> onUnexpected(message, "authentication request");
        };
    }

    private List<ClientAction> onAuthentication(Authentication request) {
        ClientAuthentication current = authentication;
        if (current == null) {
            throw new IllegalStateException("authenticating before the startup packet");
        }
        return switch (current.on(request)) {
            case ClientAuthentication.Reply.Answer(var body) ->
                List.of(new ClientAction.Send(new AuthenticationResponse(body)));
            case ClientAuthentication.Reply.Wait() -> List.of();
            case ClientAuthentication.Reply.Done() -> {
                state = State.AWAITING_READY;
                yield List.of();
            }
            case ClientAuthentication.Reply.Fail(var failure) -> fail(failure);
        };
    }

    /** As pqGetNegotiateProtocolVersion3 in fe-protocol3.c. No protocol options were asked for, so none can be unknown. */
    private List<ClientAction> onNegotiate(NegotiateProtocolVersion answer) {
        ProtocolVersion theirs = answer.newest();
        if (negotiated
                || theirs.major() != 3
                || theirs.compareTo(version) >= 0
                || theirs.minor() == 1
                || !answer.unrecognizedOptions().isEmpty()) {
            return fail(new ClientFailure.Violation("received invalid protocol negotiation message: version %s and options %s, after %s"
                    .formatted(theirs, answer.unrecognizedOptions(), version)));
        }
        if (theirs.compareTo(security.minProtocolVersion()) < 0) {
            return fail(new ClientFailure.Untrusted("server only supports protocol version %s, but \"min_protocol_version\" was set to %s"
                    .formatted(theirs, security.minProtocolVersion())));
        }
        negotiated = true;
        version = theirs;
        return List.of();
    }

    private List<ClientAction> onStarting(BackendMessage message) {
        return switch (message) {
            case ParameterStatus(var name, var value) -> {
                parameters.put(name, value);
                yield List.of();
            }
            case BackendKeyData data -> {
                key = Optional.of(data);
                yield List.of();
            }
            case ReadyForQuery _ -> {
                state = State.CONNECTED;
                yield List.of(new ClientAction.Connected(key, parameters, version));
            }
            case ErrorResponse(var diagnostic) -> fail(refusal(diagnostic));
            case NoticeResponse(var diagnostic) -> List.of(new ClientAction.Notice(diagnostic));
            case Authentication _, NegotiateProtocolVersion _ -> onUnexpected(message, "ReadyForQuery");
            case RowDescription _, DataRow _, CommandComplete _, EmptyQueryResponse _ ->
                onUnexpected(message, "ReadyForQuery");
            case CopyBothResponse _, CopyData _, CopyDone _, Other _, ExtendedAnswer _ -> onUnexpected(message, "ReadyForQuery");
        };
    }

    private static ClientFailure refusal(Diagnostic diagnostic) {
        return diagnostic.sqlState().startsWith("28")
                ? new ClientFailure.LoginRefused(diagnostic)
                : new ClientFailure.ServerRefused(diagnostic);
    }

    private List<ClientAction> open(Transport transport) {
        return switch (purpose) {
            case Purpose.LogIn(var login) -> {
                authentication = new ClientAuthentication(login, security, transport);
                state = State.AUTHENTICATING;
                yield List.of(new ClientAction.Send(new StartupMessage(version, login.startupParameters())));
            }
            case Purpose.Cancel(var request) -> {
                state = State.CONNECTED;
                yield List.of(new ClientAction.Send(request), new ClientAction.CancelSent());
            }
        };
    }

    private List<ClientAction> onUnexpected(BackendMessage message, String expected) {
        release(message);
        return fail(new ClientFailure.Violation("expected %s from server, but received %s"
                .formatted(expected, message.getClass().getSimpleName())));
    }

    private List<ClientAction> fail(ClientFailure failure) {
        state = State.FAILED;
        return List.of(new ClientAction.Fail(failure));
    }

    private void require(State expected) {
        if (state != expected) {
            throw new IllegalStateException("handshake is in state %s; expected %s".formatted(state, expected));
        }
    }

    private static void release(BackendMessage message) {
        if (message instanceof CopyData(var data)) {
            data.release();
        } else if (message instanceof Other(var _, var body)) {
            body.release();
        }
    }
}
