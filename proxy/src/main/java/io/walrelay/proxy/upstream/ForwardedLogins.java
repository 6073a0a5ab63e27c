package io.walrelay.proxy.upstream;

import io.netty.channel.EventLoop;
import io.walrelay.protocol.handshake.ClientFailure;
import io.walrelay.protocol.handshake.ClientLogin;
import io.walrelay.protocol.handshake.Credential;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.StartupRequest;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.config.ForwardAs;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.forward.ForwardedLogin;
import io.walrelay.proxy.forward.UpstreamAccess;
import io.walrelay.proxy.forward.UpstreamSession;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs clients in on the host that the relay follows, with the TLS and the demands of upstream.conninfo. Thread-safe. */
final class ForwardedLogins implements UpstreamAccess, AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(ForwardedLogins.class);

    private static final String AWAY = "57P03";
    private static final String NOT_AUTHORIZED = "28000";
    private static final String STATUS = "walrelay status says what keeps the relay from it; try again later";

    private final Conninfo conninfo;
    private final UpstreamDialer dialer;
    private final ForwardAs as;
    private final Supplier<Optional<HostAddress>> followed;
    private final RelayState relay;
    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("forwarded-login-", 0).factory());

    /** @param followed the host in use, empty while there is none */
    ForwardedLogins(Conninfo conninfo, UpstreamDialer dialer, ForwardAs as, Supplier<Optional<HostAddress>> followed, RelayState relay) {
        this.conninfo = conninfo;
        this.dialer = dialer;
        this.as = as;
        this.followed = followed;
        this.relay = relay;
    }

    @Override
    public void logIn(ForwardedLogin login, EventLoop loop, Arrival arrival) {
        try {
            threads.execute(() -> logInOrSayWhyNot(login, loop, arrival).ifPresent(why -> loop.execute(() -> arrival.refused(why))));
        } catch (RejectedExecutionException e) {
            loop.execute(() -> arrival.refused(away()));
        }
    }

    private Optional<Diagnostic> logInOrSayWhyNot(ForwardedLogin login, EventLoop loop, Arrival arrival) {
        Optional<HostAddress> inUse = relay.upstream().state() == UpstreamStatus.State.STREAMING ? followed.get() : Optional.empty();
        if (inUse.isEmpty()) {
            return Optional.of(away());
        }
        HostAddress host = inUse.get();
        Optional<ClientLogin> upstream = login(login, host);
        if (upstream.isEmpty()) {
            return Optional.of(noKeys(login.request().user()));
        }
        LoginHandler.Successor successor =
                (channel, session, notices) -> arrival.arrived(UpstreamSession.of(host, channel, session, notices));
        try {
            dialer.logIn(host, upstream.get(), login.request().version(), loop, successor);
            return Optional.empty();
        } catch (UpstreamException e) {
            log.info("{}: could not log user \"{}\" in: {}", host, ClientText.printable(upstream.get().user()), ClientText.printable(e.reason()));
            return Optional.of(refusal(host, e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.of(away());
        } catch (RuntimeException e) {
            log.error("{}: logging a client in failed", host, e);
            return Optional.of(Diagnostic.fatal("XX000", "internal error of the relay: %s".formatted(e)).withHint("the relay's log has more"));
        }
    }

    /** As whom; empty when the client has shown nothing to log in with. */
    private Optional<ClientLogin> login(ForwardedLogin login, HostAddress host) {
        return switch (as) {
            case OWN -> Optional.of(login(login.request(), conninfo.user(), dialer.ownCredential(host)));
            case CLIENT -> login.keys().map(keys -> login(login.request(), login.request().user(), new Credential.Keys(keys)));
        };
    }

    private static ClientLogin login(StartupRequest request, String user, Credential credential) {
        Map<String, String> parameters = new LinkedHashMap<>(request.parameters());
        request.options().ifPresent(options -> parameters.put("options", options));
        Optional<String> database = request.kind() == SessionKind.PHYSICAL_REPLICATION ? Optional.empty() : Optional.of(request.database());
        return new ClientLogin(user, database, request.kind(), parameters, credential);
    }

    private Diagnostic away() {
        UpstreamStatus upstream = relay.upstream();
        Diagnostic away = Diagnostic.fatal(
                        AWAY, upstream.host().map("upstream %s can't be used now"::formatted).orElse("no upstream can be used now"))
                .withHint(STATUS);
        return upstream.problem().map(away::withDetail).orElse(away);
    }

    private static Diagnostic noKeys(String user) {
        return Diagnostic.fatal(NOT_AUTHORIZED, "the relay has nothing to log user \"%s\" in upstream with".formatted(user))
                .withDetail("Only a client that logs in by scram-sha-256, with a SCRAM verifier, shows the key that it takes.")
                .withHint("make its line in listen.hba scram-sha-256; or let all such sessions be the relay's own role upstream, with listen.forward-as: own");
    }

    private Diagnostic refusal(HostAddress host, UpstreamException failure) {
        return failure.loginFailure()
                .map(why -> switch (why) {
                    case ClientFailure.LoginRefused(var said) -> said.hint().isPresent() ? said : said.withHint(
                            "upstream %s says so to the relay: its pg_hba.conf must admit this user from the relay's address, and its password must be the one that the relay knows".formatted(host));
                    case ClientFailure.ServerRefused(var said) -> said;
                    case ClientFailure.NoPassword(var reason) ->
                        Diagnostic.fatal(NOT_AUTHORIZED, "could not log in on upstream %s: %s".formatted(host, reason))
                                .withHint("make the line in its pg_hba.conf scram-sha-256");
                    case ClientFailure.Retry _, ClientFailure.Untrusted _, ClientFailure.Violation _ -> unreachable(host, why.reason());
                })
                .orElseGet(() -> unreachable(host, failure.reason()));
    }

    private static Diagnostic unreachable(HostAddress host, String reason) {
        return Diagnostic.fatal(AWAY, "could not connect to upstream %s".formatted(host)).withDetail(reason).withHint(STATUS);
    }

    @Override
    public CompletionStage<Void> cancel(UpstreamSession session) {
        try {
            return CompletableFuture.runAsync(() -> tell(session), threads);
        } catch (RejectedExecutionException e) {
            return CompletableFuture.completedFuture(null);
        }
    }

    private void tell(UpstreamSession session) {
        session.login().key().ifPresent(key -> {
            try {
                CancelRequest request = new CancelRequest(key.processId(), key.secretKey());
                dialer.cancel(session.host(), session.address(), session.encrypted(), request, session.channel().eventLoop());
            } catch (UpstreamException e) {
                log.info("{}: could not cancel what session {} does: {}", session.host(), key.processId(), e.reason());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (RuntimeException e) {
                log.error("{}: canceling failed", session.host(), e);
            }
        });
    }

    /** Logins that are under way end; sessions that stand go on. */
    @Override
    public void close() {
        threads.shutdownNow();
    }
}
