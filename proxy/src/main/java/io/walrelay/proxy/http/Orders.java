package io.walrelay.proxy.http;

import io.walrelay.proxy.config.Configuration;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.state.FollowOrder;
import java.io.IOException;

/** What clients of the HTTP port may tell the relay to do. Thread-safe. */
public interface Orders {

    /** @throws IllegalArgumentException when it can't be obeyed; the client gets the message */
    void follow(FollowOrder order);

    /**
     * Reads the configuration again.
     *
     * @return what it changed
     * @throws InvalidSettingsException when it is wrong: nothing has changed
     * @throws IOException when a certificate is no good: nothing has changed
     */
    Configuration.Difference reload() throws InvalidSettingsException, IOException;
}
