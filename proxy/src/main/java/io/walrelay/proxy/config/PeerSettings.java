package io.walrelay.proxy.config;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The relays beside this one.
 *
 * @param urls their HTTP ports
 * @param authority who signed their certificates; empty: whom the Java runtime trusts
 */
public record PeerSettings(List<URI> urls, Optional<Path> authority) {
    public PeerSettings {
        urls = List.copyOf(urls);
    }
}
