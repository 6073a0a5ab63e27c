package io.walrelay.proxy.relay;

import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.peers.Peers;
import io.walrelay.proxy.state.RelayState;
import java.io.IOException;

/** The peers that are asked, with the token and the certificate that hold now. Thread-safe. */
final class PeersInUse implements AutoCloseable {

    private final RelayState state;
    private Peers peers;

    /** @throws IOException when a certificate can't be used */
    PeersInUse(Settings settings, RelayState state) throws IOException {
        this.state = state;
        this.peers = Peers.of(settings.peers(), settings.http(), state);
        peers.start();
    }

    /** As {@link Reloading.Part#prepare}. */
    Runnable prepare(Settings settings) throws IOException {
        Peers others = Peers.of(settings.peers(), settings.http(), state);
        return () -> goOverTo(others);
    }

    /** Nothing begins anew where nothing has changed: most reloads are about something else. */
    private synchronized void goOverTo(Peers others) {
        if (others.asAre(peers)) {
            return;
        }
        peers.close();
        others.start();
        peers = others;
    }

    @Override
    public synchronized void close() {
        peers.close();
    }
}
