package io.walrelay.proxy.auth;

import io.walrelay.proxy.auth.ConnectionFacts.InterfaceAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The addresses of this machine's interfaces. They come and go, but reading them all takes a while, and who asks is an event loop
 * with a client that has not logged in: so they are read at most every few seconds. Thread-safe.
 */
public final class LocalAddresses implements Supplier<List<InterfaceAddress>> {

    private static final Logger log = LoggerFactory.getLogger(LocalAddresses.class);
    private static final Duration KEPT = Duration.ofSeconds(5);

    private record Seen(List<InterfaceAddress> addresses, Instant at) {}

    private final Supplier<List<InterfaceAddress>> system;
    private final InstantSource clock;
    private volatile Seen seen = new Seen(List.of(), Instant.MIN);

    public LocalAddresses(InstantSource clock) {
        this(LocalAddresses::read, clock);
    }

    LocalAddresses(Supplier<List<InterfaceAddress>> system, InstantSource clock) {
        this.system = system;
        this.clock = clock;
    }

    @Override
    public List<InterfaceAddress> get() {
        Instant now = clock.instant();
        Seen last = seen;
        if (now.isBefore(last.at()) || last.at().isBefore(now.minus(KEPT))) {
            last = new Seen(system.get(), now);
            seen = last;
        }
        return last.addresses();
    }

    private static List<InterfaceAddress> read() {
        try {
            return NetworkInterface.networkInterfaces()
                    .flatMap(i -> i.getInterfaceAddresses().stream())
                    .map(a -> new InterfaceAddress(a.getAddress(), a.getNetworkPrefixLength()))
                    .toList();
        } catch (SocketException e) {
            log.warn("could not read this machine's addresses; rules with samehost and samenet fit nobody", e);
            return List.of();
        }
    }
}
