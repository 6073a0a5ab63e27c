package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage.AuthenticationOk;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import io.walrelay.protocol.message.FrontendMessage.GssEncRequest;
import io.walrelay.protocol.message.FrontendMessage.Opening;
import io.walrelay.protocol.message.FrontendMessage.SslRequest;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.TransactionStatus;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The server's side of opening and authenticating one session (backend_startup.c, auth.c): each call returns what to do now, in order. Confined
 * to its connection's event loop. After {@link ServerAction.Close} every message is dropped; after {@link ServerAction.Finish} nothing may be called.
 *
 * <p>A method {@code password} with a SCRAM verifier costs its iterations inside {@link #onMessage}: milliseconds at PostgreSQL's default.
 * A time limit is the driver's.
 */
public final class ServerHandshake {

    /** What all handshakes of a listener share. Thread-safe. {@code tls}: SSLRequest is answered with S. */
    public record Listener(boolean tls, MockVerifiers mockVerifiers, SecureRandom random) {}

    private enum State {
        OPENING,
        AWAITING_TLS,
        AWAITING_DECISION,
        AUTHENTICATING,
        AWAITING_SESSION,
        FINISHED,
        CLOSED
    }

    private static final ProtocolVersion SSL_REQUEST = new ProtocolVersion(1234, 5679);
    private static final ProtocolVersion GSSENC_REQUEST = new ProtocolVersion(1234, 5680);
    private static final String UNENCRYPTED_DATA_DETAIL =
            "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.";

    private final Listener listener;
    private State state = State.OPENING;
    private Transport transport;
    private boolean sslAnswered;
    private boolean gssAnswered;
    /** Not null from the state AWAITING_DECISION on. */
    private @Nullable StartupRequest request;
    /** Not null in the state AUTHENTICATING. */
    private @Nullable ServerExchange exchange;
    /** What a client is told who did not prove what he says; empty: that his password is wrong. */
    private Optional<Diagnostic> unproved = Optional.empty();

    private ServerHandshake(Listener listener, Transport transport) {
        this.listener = listener;
        this.transport = transport;
    }

    /** For a connection that has just been accepted. */
    public static ServerHandshake overPlaintext(Listener listener) {
        return new ServerHandshake(listener, new Transport.Plaintext());
    }

    /** For a connection that began with TLS instead of SSLRequest (ProcessSSLStartup); call {@link #start} first. */
    public static ServerHandshake overDirectTls(Listener listener, Transport.Tls tls) {
        return new ServerHandshake(listener, tls);
    }

    /** Refuses direct TLS without ALPN, as PostgreSQL does: it could be an attack across protocols. */
    public List<ServerAction> start() {
        return switch (transport) {
            case Transport.Tls tls when !tls.speaksPostgresql() ->
                close("received direct SSL connection request without ALPN protocol negotiation extension");
            case Transport.Tls _, Transport.Plaintext _ -> List.of();
        };
    }

    public List<ServerAction> onMessage(FrontendMessage message) {
        return switch (state) {
            case OPENING -> message instanceof Opening opening ? onOpening(opening) : onUnexpected(message);
            case AWAITING_TLS -> {
                release(message);
                yield onUnencryptedData();
            }
            case AUTHENTICATING -> onAnswer(message);
            case AWAITING_DECISION, AWAITING_SESSION -> onUnexpected(message);
            case CLOSED -> {
                release(message);
                yield List.of();
            }
            case FINISHED -> throw new IllegalStateException("a message for a handshake that is over");
        };
    }

    /** TLS stands, after {@link ServerAction.StartTls}. The driver has made sure that no byte followed SSLRequest in clear. */
    public List<ServerAction> onTlsEstablished(Transport.Tls tls) {
        require(State.AWAITING_TLS);
        transport = tls;
        state = State.OPENING;
        return List.of();
    }

    /** Bytes followed SSLRequest before TLS began (CVE-2021-23214): whoever sent them, they must not be taken for the client's. */
    public List<ServerAction> onUnencryptedData() {
        require(State.AWAITING_TLS);
        return refuse(ServerExchange.violation("received unencrypted data after SSL request")
                .withDetail(UNENCRYPTED_DATA_DETAIL));
    }

    /** {@link #onDecision(AuthenticationDecision, Optional)} where all is known: who does not prove what he says has a wrong password. */
    public List<ServerAction> onDecision(AuthenticationDecision decision) {
        return onDecision(decision, Optional.empty());
    }

    /**
     * The answer to {@link ServerAction.Admit}. Nothing comes of it when the connection was closed meanwhile.
     *
     * @param whenUnproved what a client is told, FATAL, whose password is not the verifier's, where that does not make it a wrong one
     */
    public List<ServerAction> onDecision(AuthenticationDecision decision, Optional<Diagnostic> whenUnproved) {
        if (state == State.CLOSED) {
            return List.of();
        }
        require(State.AWAITING_DECISION);
        unproved = whenUnproved;
        return switch (decision) {
            case AuthenticationDecision.Trust() -> authenticated(new ArrayList<>(), Optional.empty());
            case AuthenticationDecision.Reject(var diagnostic) -> refuse(diagnostic);
            case AuthenticationDecision.Cert(var nameMatches) ->
                nameMatches
                        ? authenticated(new ArrayList<>(), Optional.empty())
                        : refuse(Diagnostic.fatal(
                                "28000", "certificate authentication failed for user \"%s\"".formatted(user())));
            case AuthenticationDecision.CleartextPassword(var verifier) ->
                ask(new CleartextExchange(user(), verifier.orElseGet(this::mock), verifier.isEmpty()));
            case AuthenticationDecision.Md5(var verifier)
            when verifier.orElse(null) instanceof PasswordVerifier.Md5 md5 -> ask(new Md5Exchange(md5, md5Salt()));
            case AuthenticationDecision.Md5(var verifier) -> ask(scram(verifier));
            case AuthenticationDecision.ScramSha256(var verifier) -> ask(scram(verifier));
        };
    }

    /**
     * The session that was authenticated can begin.
     *
     * @param parameters what ParameterStatus tells, in this order
     * @param key its length is {@link StartupRequest#cancelKeyLength}, its process id above 0
     */
    public List<ServerAction> onSessionReady(Map<String, String> parameters, BackendKeyData key) {
        if (state == State.CLOSED) {
            return List.of();
        }
        require(State.AWAITING_SESSION);
        int length = key.secretKey().value().length();
        if (request().version().compareTo(ProtocolVersion.V3_2) < 0 && length != 4) {
            throw new IllegalArgumentException(
                    "a cancel key of %d bytes for protocol %s; expected 4".formatted(length, request().version()));
        }
        List<ServerAction> actions = new ArrayList<>();
        parameters.forEach((name, value) -> actions.add(new ServerAction.Send(new ParameterStatus(name, value))));
        actions.add(new ServerAction.Send(key));
        actions.add(new ServerAction.Send(new ReadyForQuery(TransactionStatus.IDLE)));
        actions.add(new ServerAction.Finish(request()));
        state = State.FINISHED;
        return actions;
    }

    /** The session can't begin, or the driver gives up waiting: sends {@code diagnostic}, which should be FATAL, and closes. */
    public List<ServerAction> onRefusal(Diagnostic diagnostic) {
        if (state == State.CLOSED) {
            return List.of();
        }
        if (state == State.FINISHED) {
            throw new IllegalStateException("a refusal for a handshake that is over");
        }
        return refuse(diagnostic);
    }

    private List<ServerAction> onOpening(Opening message) {
        return switch (message) {
            case CancelRequest cancel -> {
                state = State.CLOSED;
                yield List.of(new ServerAction.Cancel(cancel), new ServerAction.Close("cancel request processed"));
            }
            case SslRequest() -> {
                if (sslAnswered) {
                    yield refuse(StartupRequest.unsupported(SSL_REQUEST));
                }
                sslAnswered = true;
                if (listener.tls() && transport instanceof Transport.Plaintext) {
                    gssAnswered = true;
                    state = State.AWAITING_TLS;
                    yield List.of(new ServerAction.SendByte((byte) 'S'), new ServerAction.StartTls());
                }
                yield List.of(new ServerAction.SendByte((byte) 'N'));
            }
            case GssEncRequest() -> {
                if (gssAnswered) {
                    yield refuse(StartupRequest.unsupported(GSSENC_REQUEST));
                }
                gssAnswered = true;
                yield List.of(new ServerAction.SendByte((byte) 'N'));
            }
            case StartupMessage startup -> onStartup(startup);
        };
    }

    private List<ServerAction> onStartup(StartupMessage message) {
        List<ServerAction> actions = new ArrayList<>();
        switch (StartupRequest.judge(message)) {
            case StartupRequest.Outcome.Accepted(var accepted, var negotiate) -> {
                negotiate.ifPresent(answer -> actions.add(new ServerAction.Send(answer)));
                request = accepted;
                state = State.AWAITING_DECISION;
                actions.add(new ServerAction.Admit(accepted, transport));
            }
            case StartupRequest.Outcome.Refused(var diagnostic, var negotiate) -> {
                negotiate.ifPresent(answer -> actions.add(new ServerAction.Send(answer)));
                actions.addAll(refuse(diagnostic));
            }
        }
        return actions;
    }

    private List<ServerAction> ask(ServerExchange next) {
        exchange = next;
        state = State.AUTHENTICATING;
        return List.of(new ServerAction.Send(next.request()));
    }

    private List<ServerAction> onAnswer(FrontendMessage message) {
        ServerExchange current = exchange;
        if (current == null) {
            throw new IllegalStateException("authenticating without an exchange");
        }
        if (!(message instanceof AuthenticationResponse(var body))) {
            int type = typeOf(message);
            release(message);
            return refuse(ServerExchange.violation(
                    "expected %s, got message type %d".formatted(current.expected(), type)));
        }
        return switch (current.answer(body.bytes())) {
            case ServerExchange.Verdict.Ask(var question) -> List.of(new ServerAction.Send(question));
            case ServerExchange.Verdict.Proved(var last, var keys) -> {
                List<ServerAction> actions = new ArrayList<>();
                last.ifPresent(answer -> actions.add(new ServerAction.Send(answer)));
                yield authenticated(actions, keys);
            }
            case ServerExchange.Verdict.WrongPassword() ->
                refuse(unproved.orElseGet(
                        () -> Diagnostic.fatal("28P01", "password authentication failed for user \"%s\"".formatted(user()))));
            case ServerExchange.Verdict.Refused(var diagnostic) -> refuse(diagnostic);
        };
    }

    private List<ServerAction> authenticated(List<ServerAction> before, Optional<ScramKeys> keys) {
        exchange = null;
        state = State.AWAITING_SESSION;
        before.add(new ServerAction.Send(new AuthenticationOk()));
        before.add(new ServerAction.Authenticated(request(), keys));
        return before;
    }

    private SaslExchange scram(Optional<PasswordVerifier> verifier) {
        boolean real = verifier.orElse(null) instanceof PasswordVerifier.Scram;
        PasswordVerifier.Scram shown = verifier.orElse(null) instanceof PasswordVerifier.Scram scram ? scram : mock();
        return new SaslExchange(shown, !real, transport.channelBinding(), this::nonce);
    }

    private PasswordVerifier.Scram mock() {
        return listener.mockVerifiers().forUser(user());
    }

    private String nonce() {
        byte[] bytes = new byte[ScramSha256.RAW_NONCE_LENGTH];
        listener.random().nextBytes(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }

    private Secret md5Salt() {
        byte[] salt = new byte[4];
        listener.random().nextBytes(salt);
        return Secret.of(salt);
    }

    private List<ServerAction> onUnexpected(FrontendMessage message) {
        int type = typeOf(message);
        release(message);
        return refuse(ServerExchange.violation(
                state == State.OPENING
                        ? "expected a startup packet, got message type %d".formatted(type)
                        : "unexpected message type %d before the session began".formatted(type)));
    }

    private List<ServerAction> refuse(Diagnostic diagnostic) {
        List<ServerAction> actions = new ArrayList<>();
        actions.add(new ServerAction.Send(new ErrorResponse(diagnostic)));
        actions.addAll(close(diagnostic.message()));
        return actions;
    }

    private List<ServerAction> close(String reason) {
        exchange = null;
        state = State.CLOSED;
        return List.of(new ServerAction.Close(reason));
    }

    private StartupRequest request() {
        StartupRequest known = request;
        if (known == null) {
            throw new IllegalStateException("no startup packet yet");
        }
        return known;
    }

    private String user() {
        return request().user();
    }

    private void require(State expected) {
        if (state != expected) {
            throw new IllegalStateException("handshake is in state %s; expected %s".formatted(state, expected));
        }
    }

    /** The type byte; 0 for a message that has none. */
    private static int typeOf(FrontendMessage message) {
        return switch (message) {
            case Opening _ -> 0;
            case AuthenticationResponse _ -> 'p';
            case FrontendMessage.Query _ -> 'Q';
            case FrontendMessage.Terminate _ -> 'X';
            case FrontendMessage.CopyData _ -> 'd';
            case FrontendMessage.CopyDone _ -> 'c';
            case FrontendMessage.CopyFail _ -> 'f';
            case FrontendMessage.Sync _ -> 'S';
            case FrontendMessage.Flush _ -> 'H';
            case FrontendMessage.Extended(var type, var _) -> type;
        };
    }

    private static void release(FrontendMessage message) {
        if (message instanceof FrontendMessage.CopyData(var data)) {
            data.release();
        } else if (message instanceof FrontendMessage.Extended(var _, var body)) {
            body.release();
        }
    }
}
