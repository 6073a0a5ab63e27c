package io.walrelay.proxy.upstream;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.walrelay.protocol.handshake.ChannelBindingMode;
import io.walrelay.protocol.handshake.ClientAction;
import io.walrelay.protocol.handshake.ClientFailure;
import io.walrelay.protocol.handshake.ClientHandshake;
import io.walrelay.protocol.handshake.ClientLogin;
import io.walrelay.protocol.handshake.ClientSecurity;
import io.walrelay.protocol.handshake.Credential;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.SslMode;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.conninfo.KeepAlive;
import io.walrelay.proxy.conninfo.PassFile;
import io.walrelay.proxy.conninfo.RequireAuth;
import io.walrelay.proxy.conninfo.SocketFailure;
import io.walrelay.proxy.conninfo.TlsSettings;
import io.walrelay.proxy.servers.SqlTarget;
import io.walrelay.proxy.servers.TlsClient;
import io.walrelay.proxy.state.UpstreamRelay;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens connections to the hosts of a connection string: addresses in turn, TLS and login as sslmode says (fe-connect.c), all within
 * connect_timeout; where a name has several addresses, each gets its share of it. Calls block. Thread-safe.
 */
final class UpstreamDialer {

    private static final Logger log = LoggerFactory.getLogger(UpstreamDialer.class);

    /** walsender's messages have up to 128 kB: most of them arrive whole in a buffer of this size. */
    private static final int RECEIVE_BUFFER = 512 << 10;

    /** For what an event loop is doing already. */
    private static final Duration ANY_MOMENT = Duration.ofSeconds(10);

    private final Conninfo conninfo;
    private final TlsClient tls;
    private final ClientSecurity security;
    private final String applicationName;
    private final Duration timeout;
    private final Duration answer;

    UpstreamDialer(Conninfo conninfo, String applicationName, LinkTiming timing) throws IOException {
        this.conninfo = conninfo;
        this.tls = TlsClient.of(conninfo);
        this.security = security(conninfo);
        this.applicationName = applicationName;
        this.timeout = conninfo.connectTimeout().orElse(timing.connect());
        this.answer = timing.answer();
    }

    private static ClientSecurity security(Conninfo conninfo) {
        return new ClientSecurity(
                SslMode.valueOf(conninfo.tls().mode().name()),
                conninfo.tls().negotiation() == TlsSettings.Negotiation.DIRECT,
                ChannelBindingMode.valueOf(conninfo.tls().channelBinding().name()),
                methods(conninfo.requireAuth()),
                conninfo.minProtocol(),
                conninfo.maxProtocol());
    }

    private static io.walrelay.protocol.handshake.RequireAuth methods(RequireAuth words) {
        Set<io.walrelay.protocol.handshake.RequireAuth.Method> allowed = Arrays.stream(io.walrelay.protocol.handshake.RequireAuth.Method.values())
                .filter(m -> words.allows(m.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-')))
                .collect(Collectors.toUnmodifiableSet());
        String text = words.methods().stream().map(m -> words.negated() ? "!" + m : m).sorted().collect(Collectors.joining(","));
        return new io.walrelay.protocol.handshake.RequireAuth(text, allowed);
    }

    /**
     * A session of the relay's own on {@code host} whose channel runs on {@code group}. The caller closes it.
     *
     * @throws UpstreamException with the last failure, when no address can be connected to
     */
    UpstreamConnection connect(HostAddress host, SessionKind kind, EventLoopGroup group) throws UpstreamException, InterruptedException {
        SessionHandler handler = new SessionHandler(host);
        ClientLogin login = login(host, kind);
        Dialed dialed = dial(
                host, attempt -> new ClientHandshake(login, security, attempt), new FixedRecvByteBufAllocator(RECEIVE_BUFFER), group, (_, _, _) -> handler);
        return new UpstreamConnection(host, dialed.channel(), handler, dialed.session().parameters(), answer);
    }

    /**
     * A session for somebody else, whose {@code successor} has it from the moment that it stands.
     *
     * @param version the newest protocol version to speak: one that the successor's other side speaks, too
     * @throws UpstreamException as {@link #connect}
     */
    void logIn(HostAddress host, ClientLogin login, ProtocolVersion version, EventLoop loop, LoginHandler.Successor successor)
            throws UpstreamException, InterruptedException {
        ProtocolVersion newest = older(security.maxProtocolVersion(), version);
        ClientSecurity as = security.withMinProtocolVersion(older(security.minProtocolVersion(), newest)).withMaxProtocolVersion(newest);
        dial(host, attempt -> new ClientHandshake(login, as, attempt), new AdaptiveRecvByteBufAllocator(), loop, successor);
    }

    private static ProtocolVersion older(ProtocolVersion one, ProtocolVersion other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    /**
     * Cancels what a session does on the server at {@code address}, and waits until that server has seen to it.
     *
     * @param tls whether the session has TLS; then its key does not travel without
     */
    void cancel(HostAddress host, SocketAddress address, boolean tls, FrontendMessage.CancelRequest request, EventLoopGroup group)
            throws UpstreamException, InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        ClientHandshake handshake = new ClientHandshake(request, security, new SslMode.Attempt(tls, true));
        LoginHandler handler = new LoginHandler(host, this.tls, handshake, (_, _, _) -> {
            throw new IllegalStateException("a session came of a request to cancel");
        });
        Channel channel = open(address, handler, new AdaptiveRecvByteBufAllocator(), group, deadline);
        try {
            if (UpstreamConnection.await(handler.outcome(), left(deadline), "cancel request to %s".formatted(address))
                    instanceof LoginHandler.Outcome.Failed(var failure)) {
                throw new UpstreamException(failure);
            }
            if (!channel.closeFuture().await(left(deadline).toMillis())) {
                throw new UpstreamException("the server did not close the connection within %d s".formatted(timeout.toSeconds()));
            }
        } finally {
            var _ = channel.close();
        }
    }

    private record Dialed(Channel channel, ClientAction.Connected session) {}

    private Dialed dial(
            HostAddress host,
            Function<SslMode.Attempt, ClientHandshake> handshakes,
            RecvByteBufAllocator buffers,
            EventLoopGroup group,
            LoginHandler.Successor successor)
            throws UpstreamException, InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        List<InetAddress> addresses = UpstreamConnection.await(resolve(host), timeout, "look-up of \"%s\"".formatted(host.target()));
        UpstreamException last = new UpstreamException("\"%s\" has no address".formatted(host.target()));
        for (int i = 0; i < addresses.size(); i++) {
            try {
                // The last one has all that is left.
                long share = (deadline - System.nanoTime()) / (addresses.size() - i);
                InetSocketAddress address = new InetSocketAddress(addresses.get(i), host.port());
                return dial(host, address, handshakes, buffers, group, successor, System.nanoTime() + share);
            } catch (UpstreamException e) {
                last = e;
            }
        }
        throw last;
    }

    /** On a thread of its own: nothing limits how long the system looks. */
    private static CompletableFuture<List<InetAddress>> resolve(HostAddress host) {
        CompletableFuture<List<InetAddress>> found = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("look-up " + host.target()).start(() -> {
            try {
                found.complete(List.of(InetAddress.getAllByName(host.target())));
            } catch (UnknownHostException e) {
                found.completeExceptionally(new UpstreamException("could not translate host name \"%s\" to address".formatted(host.target()), e));
            } catch (RuntimeException e) {
                found.completeExceptionally(e);
            }
        });
        return found;
    }

    private Dialed dial(
            HostAddress host,
            InetSocketAddress address,
            Function<SslMode.Attempt, ClientHandshake> handshakes,
            RecvByteBufAllocator buffers,
            EventLoopGroup group,
            LoginHandler.Successor successor,
            long deadline)
            throws UpstreamException, InterruptedException {
        SslMode.Attempt attempt = security.sslMode().first();
        while (true) {
            LoginHandler handler = new LoginHandler(host, tls, handshakes.apply(attempt), successor);
            Channel channel = open(address, handler, buffers, group, deadline);
            boolean standing = false;
            try {
                switch (outcome(handler, left(deadline), address)) {
                    case LoginHandler.Outcome.Connected(var session) -> {
                        standing = true;
                        return new Dialed(channel, session);
                    }
                    case LoginHandler.Outcome.Failed(ClientFailure.Retry(var next, var reason)) -> {
                        log.debug("{}: {}; trying again {} TLS", host, reason, next.tls() ? "with" : "without");
                        attempt = next;
                    }
                    case LoginHandler.Outcome.Failed(var failure) -> throw new UpstreamException(failure);
                    case LoginHandler.Outcome.CancelSent() -> throw new IllegalStateException("nobody asked to cancel");
                }
            } finally {
                if (!standing) {
                    var _ = channel.close();
                }
            }
        }
    }

    /** Of a login that does not end within {@code limit}: a session that comes at that very moment is there nevertheless, and somebody has it. */
    private static LoginHandler.Outcome outcome(LoginHandler handler, Duration limit, InetSocketAddress address)
            throws UpstreamException, InterruptedException {
        String what = "login to %s".formatted(address);
        try {
            return UpstreamConnection.await(handler.outcome(), limit, what);
        } catch (UpstreamException e) {
            if (handler.giveUp()) {
                throw e;
            }
            return UpstreamConnection.await(handler.outcome(), ANY_MOMENT, what);
        } catch (InterruptedException e) {
            if (handler.giveUp()) {
                throw e;
            }
            LoginHandler.Outcome came = UpstreamConnection.await(handler.outcome(), ANY_MOMENT, what);
            Thread.currentThread().interrupt();
            return came;
        }
    }

    private Channel open(SocketAddress address, LoginHandler handler, RecvByteBufAllocator buffers, EventLoopGroup group, long deadline)
            throws UpstreamException, InterruptedException {
        Duration left = Duration.ofNanos(Math.max(deadline - System.nanoTime(), Duration.ofMillis(1).toNanos()));
        ChannelFuture connecting = bootstrap(group, handler, buffers, left).connect(address);
        boolean open = false;
        try {
            if (!connecting.await(left.toMillis())) {
                throw new UpstreamException("connection to %s timed out after %d s".formatted(address, timeout.toSeconds()));
            }
            if (!connecting.isSuccess()) {
                throw new UpstreamException(SocketFailure.messageWithAddress(connecting.cause()), connecting.cause());
            }
            open = true;
            return connecting.channel();
        } finally {
            if (!open) {
                var _ = connecting.channel().close();
            }
        }
    }

    private static Duration left(long deadline) {
        return Duration.ofNanos(Math.max(deadline - System.nanoTime(), 0));
    }

    /** How long {@link #connect} takes at most. */
    Duration timeout() {
        return timeout;
    }

    private ClientLogin login(HostAddress host, SessionKind kind) {
        Map<String, String> parameters = new LinkedHashMap<>();
        parameters.put("application_name", applicationName);
        conninfo.options().ifPresent(options -> parameters.put("options", options));
        // With it, transaction_read_only of a server before 14 says no more than whether it is in recovery.
        parameters.put("default_transaction_read_only", "off");
        boolean replication = kind == SessionKind.PHYSICAL_REPLICATION;
        if (replication) {
            parameters.putAll(UpstreamRelay.MARK);
        }
        return new ClientLogin(
                conninfo.user(),
                replication ? Optional.empty() : Optional.of(SqlTarget.database(conninfo)),
                kind,
                parameters,
                password(host, replication));
    }

    /**
     * With what the relay's own role logs in for a client; the password file has a line for replication, or for the database. Waits for the disk here,
     * since the login runs on an event loop that sends WAL.
     */
    Credential ownCredential(HostAddress host) {
        PassFile file = passFile();
        Optional<String> password = conninfo.passwordFor(host, file, true).or(() -> conninfo.passwordFor(host, file, false)).map(Secret::utf8);
        return new Credential.Password(() -> password);
    }

    private Credential password(HostAddress host, boolean replication) {
        return new Credential.Password(() -> conninfo.passwordFor(host, passFile(), replication).map(Secret::utf8));
    }

    /** Read each time it is needed: a password may change while the relay runs. */
    private PassFile passFile() {
        if (conninfo.password().isPresent() || conninfo.passFile().isEmpty()) {
            return PassFile.parse(List.of());
        }
        try {
            PassFile.Reading reading = PassFile.read(conninfo.passFile().get());
            reading.warning().ifPresent(log::warn);
            return reading.passFile();
        } catch (IOException e) {
            log.warn("could not read password file \"{}\": {}", conninfo.passFile().get(), e.toString());
            return PassFile.parse(List.of());
        }
    }

    private Bootstrap bootstrap(EventLoopGroup group, LoginHandler handler, RecvByteBufAllocator buffers, Duration limit) {
        KeepAlive keepAlive = conninfo.keepAlive();
        Bootstrap bootstrap = new Bootstrap()
                .group(group)
                .channel(Epoll.isAvailable() ? EpollSocketChannel.class : NioSocketChannel.class)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, Math.toIntExact(limit.toMillis()))
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.SO_KEEPALIVE, keepAlive.enabled())
                .option(ChannelOption.RECVBUF_ALLOCATOR, buffers)
                .handler(handler);
        if (Epoll.isAvailable()) {
            if (keepAlive.enabled()) {
                keepAlive.idle().ifPresent(d -> bootstrap.option(EpollChannelOption.TCP_KEEPIDLE, seconds(d)));
                keepAlive.interval().ifPresent(d -> bootstrap.option(EpollChannelOption.TCP_KEEPINTVL, seconds(d)));
                keepAlive.count().ifPresent(n -> bootstrap.option(EpollChannelOption.TCP_KEEPCNT, n));
            }
            keepAlive.userTimeout().ifPresent(d -> bootstrap.option(EpollChannelOption.TCP_USER_TIMEOUT, Math.toIntExact(d.toMillis())));
        }
        return bootstrap;
    }

    private static int seconds(Duration duration) {
        return Math.toIntExact(duration.toSeconds());
    }
}
