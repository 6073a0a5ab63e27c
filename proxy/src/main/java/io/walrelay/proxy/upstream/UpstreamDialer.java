package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.TlsSettings;
import io.walrelay.proxy.conninfo.RequireAuth;
import io.walrelay.proxy.conninfo.PassFile;
import io.walrelay.proxy.conninfo.KeepAlive;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.conninfo.Conninfo;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.walrelay.protocol.handshake.ChannelBindingMode;
import io.walrelay.protocol.handshake.ClientFailure;
import io.walrelay.protocol.handshake.ClientHandshake;
import io.walrelay.protocol.handshake.ClientLogin;
import io.walrelay.protocol.handshake.ClientSecurity;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.SslMode;
import io.walrelay.protocol.message.Secret;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
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

    private final Conninfo conninfo;
    private final TlsClient tls;
    private final ClientSecurity security;
    private final String applicationName;
    private final Duration timeout;
    private final Duration answer;

    UpstreamDialer(Conninfo conninfo, String applicationName, LinkTiming timing) throws UpstreamException {
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
     * A session on {@code host} whose channel runs on {@code group}. The caller closes it.
     *
     * @throws UpstreamException with the last failure, when no address can be connected to
     */
    UpstreamConnection connect(HostAddress host, SessionKind kind, EventLoopGroup group) throws UpstreamException, InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        List<InetAddress> addresses = UpstreamConnection.await(resolve(host), timeout, "look-up of \"%s\"".formatted(host.target()));
        UpstreamException last = new UpstreamException("\"%s\" has no address".formatted(host.target()));
        for (int i = 0; i < addresses.size(); i++) {
            try {
                // The last one has all that is left.
                long share = (deadline - System.nanoTime()) / (addresses.size() - i);
                return connect(host, new InetSocketAddress(addresses.get(i), host.port()), kind, group, System.nanoTime() + share);
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

    private UpstreamConnection connect(HostAddress host, InetSocketAddress address, SessionKind kind, EventLoopGroup group, long deadline)
            throws UpstreamException, InterruptedException {
        SslMode.Attempt attempt = security.sslMode().first();
        while (true) {
            Duration left = Duration.ofNanos(Math.max(deadline - System.nanoTime(), Duration.ofMillis(1).toNanos()));
            SessionHandler handler = new SessionHandler(host, tls, new ClientHandshake(login(host, kind), security, attempt));
            ChannelFuture connecting = bootstrap(group, handler, left).connect(address);
            Channel channel = connecting.channel();
            boolean open = false;
            try {
                if (!connecting.await(left.toMillis())) {
                    throw new UpstreamException("connection to %s timed out after %d s".formatted(address, timeout.toSeconds()));
                }
                if (!connecting.isSuccess()) {
                    throw new UpstreamException(String.valueOf(connecting.cause().getMessage()), connecting.cause());
                }
                Duration forLogin = Duration.ofNanos(Math.max(deadline - System.nanoTime(), 0));
                switch (UpstreamConnection.await(handler.connected(), forLogin, "login to %s".formatted(address))) {
                    case SessionHandler.Outcome.Connected(var session) -> {
                        UpstreamConnection connection = new UpstreamConnection(host, channel, handler, session.parameters(), answer);
                        open = true;
                        return connection;
                    }
                    case SessionHandler.Outcome.Failed(ClientFailure.Retry(var next, var reason)) -> {
                        log.debug("{}: {}; trying again {} TLS", host, reason, next.tls() ? "with" : "without");
                        attempt = next;
                    }
                    case SessionHandler.Outcome.Failed(var failure) -> throw new UpstreamException(failure.reason());
                }
            } finally {
                if (!open) {
                    var _ = channel.close();
                }
            }
        }
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
        return new ClientLogin(
                conninfo.user(),
                replication ? Optional.empty() : conninfo.database(),
                kind,
                parameters,
                () -> conninfo.passwordFor(host, passFile(), replication).map(Secret::utf8));
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

    private Bootstrap bootstrap(EventLoopGroup group, SessionHandler handler, Duration limit) {
        KeepAlive keepAlive = conninfo.keepAlive();
        Bootstrap bootstrap = new Bootstrap()
                .group(group)
                .channel(Epoll.isAvailable() ? EpollSocketChannel.class : NioSocketChannel.class)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, Math.toIntExact(limit.toMillis()))
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.SO_KEEPALIVE, keepAlive.enabled())
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(RECEIVE_BUFFER))
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
