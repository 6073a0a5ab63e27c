package io.walrelay.proxy.standby;

import io.walrelay.protocol.handshake.StartupRequest;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.UpstreamRelay;
import io.walrelay.proxy.state.Visit;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.Optional;

/**
 * Who a session is. All of it is fit for a log line.
 *
 * @param pid unique in this process, above 0
 * @param user with control characters escaped
 * @param address of the client, without port, or {@link #LOCAL}
 * @param client address and port, or {@link #LOCAL}
 * @param applicationName as PostgreSQL would show it; may be empty
 * @param relay whether it says that it is a relay
 */
record SessionIdentity(int pid, String user, String address, String client, String applicationName, boolean relay) {

    /** As PostgreSQL calls whoever comes by the Unix-domain socket. */
    static final String LOCAL = "[local]";

    /** @param from empty: the Unix-domain socket */
    static SessionIdentity of(int pid, StartupRequest request, Optional<InetSocketAddress> from) {
        String address = from.map(it -> it.getAddress().getHostAddress()).orElse(LOCAL);
        return new SessionIdentity(
                pid,
                ClientText.printable(request.user()),
                address,
                client(from),
                applicationName(request),
                UpstreamRelay.isRelay(request.parameters()));
    }

    /** @param from empty: the Unix-domain socket */
    static String client(Optional<InetSocketAddress> from) {
        return from.map(it -> "%s:%d".formatted(it.getAddress().getHostAddress(), it.getPort())).orElse(LOCAL);
    }

    static String applicationName(StartupRequest request) {
        return ClientText.applicationName(request.parameters().getOrDefault("application_name", ""));
    }

    /**
     * How an operator knows it: application_name as in pg_stat_replication, else the address. It names series, so it is the same
     * all the session long and when the client comes back from another port.
     */
    String shownName() {
        return applicationName.isEmpty() ? address : applicationName;
    }

    /** That it left now, without a stream. */
    Visit visit(Instant now) {
        return new Visit(now, shownName(), user, address);
    }

    /** That it was sent away now. */
    Refusal refused(Instant now, Refusal.Reason reason, Optional<String> slot, Diagnostic said) {
        return refused(now, reason, slot, said, Optional.empty());
    }

    /** @param reached how far its WAL goes, if that is why */
    Refusal refused(Instant now, Refusal.Reason reason, Optional<String> slot, Diagnostic said, Optional<Refusal.Reached> reached) {
        return new Refusal(now, reason, shownName(), slot, user, address, said, reached);
    }
}
