package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * A client's and a server's handshake joined in memory, with somebody between them who may change what passes. TLS is agreed at once: each
 * side sees the certificate that it is given here.
 */
final class Conversation {

    static final Secret CERTIFICATE_HASH = Secret.of(new byte[] {
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32
    });
    static final MockVerifiers MOCKS = new MockVerifiers(Secret.utf8("0123456789abcdef0123456789abcdef"), 4096);
    static final BackendKeyData KEY =
            new BackendKeyData(4711, new SecretKey(Secret.of(new byte[] {(byte) 0xCA, (byte) 0xFE, 0, 1})));
    static final Map<String, String> PARAMETERS = Map.of("integer_datetimes", "on");

    AuthenticationDecision decision = new AuthenticationDecision.Trust();
    boolean serverHasTls = true;
    Optional<Secret> certificateAtServer = Optional.of(CERTIFICATE_HASH);
    Optional<Secret> certificateAtClient = Optional.of(CERTIFICATE_HASH);
    UnaryOperator<FrontendMessage> toServer = UnaryOperator.identity();
    UnaryOperator<BackendMessage> toClient = UnaryOperator.identity();

    /** Type and size of each message, in order: what somebody who listens can tell. */
    final List<String> shape = new ArrayList<>();

    Optional<ClientAction.Connected> connected = Optional.empty();
    Optional<ClientFailure> failure = Optional.empty();
    Optional<ServerAction.Authenticated> authenticated = Optional.empty();
    Optional<Diagnostic> serverError = Optional.empty();
    boolean encrypted;

    private final Deque<Runnable> steps = new ArrayDeque<>();

    static ClientLogin login(String user, String password) {
        return new ClientLogin(
                user,
                Optional.of("replication"),
                SessionKind.PHYSICAL_REPLICATION,
                Map.of("application_name", "relay"),
                new Credential.Password(() -> Optional.of(password)));
    }

    Conversation decide(AuthenticationDecision answer) {
        decision = answer;
        return this;
    }

    Conversation run(ClientLogin login, SslMode mode) {
        return run(login, ClientSecurity.DEFAULT.withSslMode(mode));
    }

    Conversation run(ClientLogin login, ClientSecurity security) {
        return run(login, security, security.sslMode().first());
    }

    Conversation run(ClientLogin login, ClientSecurity security, SslMode.Attempt attempt) {
        ClientHandshake client = new ClientHandshake(login, security, attempt);
        ServerHandshake.Listener listener = new ServerHandshake.Listener(serverHasTls, MOCKS, new SecureRandom());
        Optional<String> alpn = Optional.of(Transport.ALPN);
        ServerHandshake server = security.directTls()
                ? ServerHandshake.overDirectTls(listener, new Transport.Tls(certificateAtServer, alpn))
                : ServerHandshake.overPlaintext(listener);
        onServer(server.start(), client, server);
        onClient(client.start(), client, server);
        while (!steps.isEmpty()) {
            steps.removeFirst().run();
        }
        return this;
    }

    private void onClient(List<ClientAction> actions, ClientHandshake client, ServerHandshake server) {
        for (ClientAction action : actions) {
            switch (action) {
                case ClientAction.Send(var message) ->
                    steps.add(() -> {
                        FrontendMessage passed = toServer.apply(message);
                        shape.add(passed instanceof AuthenticationResponse(var body)
                                ? "F AuthenticationResponse " + body.length()
                                : "F " + passed.getClass().getSimpleName());
                        onServer(server.onMessage(passed), client, server);
                    });
                case ClientAction.StartTls() -> {
                    encrypted = true;
                    steps.add(() -> onClient(
                            client.onTlsEstablished(new Transport.Tls(certificateAtClient, Optional.of(Transport.ALPN))),
                            client,
                            server));
                }
                case ClientAction.Notice _ -> {}
                case ClientAction.Connected result -> connected = Optional.of(result);
                case ClientAction.CancelSent _ -> throw new AssertionError("nobody asked to cancel");
                case ClientAction.Fail(var reason) -> failure = Optional.of(reason);
            }
        }
    }

    private void onServer(List<ServerAction> actions, ClientHandshake client, ServerHandshake server) {
        for (ServerAction action : actions) {
            switch (action) {
                case ServerAction.SendByte(var value) ->
                    steps.add(() -> onClient(client.onSslAnswer(value, false), client, server));
                case ServerAction.Send(var message) -> {
                    if (message instanceof BackendMessage.ErrorResponse(var diagnostic)) {
                        serverError = Optional.of(diagnostic);
                    }
                    steps.add(() -> {
                        BackendMessage passed = toClient.apply(message);
                        shape.add("B " + described(passed));
                        if (connected.isEmpty()) {
                            onClient(client.onMessage(passed), client, server);
                        }
                    });
                }
                case ServerAction.StartTls() ->
                    onServer(
                            server.onTlsEstablished(new Transport.Tls(certificateAtServer, Optional.of(Transport.ALPN))),
                            client,
                            server);
                case ServerAction.Admit _ -> steps.add(() -> onServer(server.onDecision(decision), client, server));
                case ServerAction.Authenticated result -> {
                    authenticated = Optional.of(result);
                    steps.add(() -> onServer(server.onSessionReady(PARAMETERS, KEY), client, server));
                }
                case ServerAction.Cancel _, ServerAction.Finish _, ServerAction.Close _ -> {}
            }
        }
    }

    private static String described(BackendMessage message) {
        return switch (message) {
            case BackendMessage.AuthenticationSaslContinue(var data) -> "AuthenticationSaslContinue " + data.length();
            case BackendMessage.AuthenticationSaslFinal(var data) -> "AuthenticationSaslFinal " + data.length();
            case BackendMessage.AuthenticationSasl(var mechanisms) -> "AuthenticationSasl " + mechanisms;
            case BackendMessage.ErrorResponse(var diagnostic) -> "ErrorResponse " + diagnostic.sqlState();
            default -> message.getClass().getSimpleName();
        };
    }

}
