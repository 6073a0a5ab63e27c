package io.walrelay.proxy.upstream;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamFacts;
import java.io.IOException;

/** Keeps what is known of upstream, also over restarts. Confined to one thread. */
record KnownFacts(RelayState relay, DurableFiles files) {

    /** What the last run knew. */
    void load() throws IOException {
        FactsFile.load(files).ifPresent(relay::learn);
    }

    /** What the host that is followed says. */
    void learn(HostProbe probe) {
        UpstreamFacts facts = probe.facts();
        relay.learn(probe.relay());
        if (relay.facts().filter(facts::equals).isEmpty()) {
            relay.learn(facts);
            try {
                FactsFile.save(files, facts);
            } catch (IOException e) {
                relay.events().warning("disk", "could not keep what is known of upstream: " + e);
            }
        }
    }
}
