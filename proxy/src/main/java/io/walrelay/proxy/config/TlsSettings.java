package io.walrelay.proxy.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * The certificate that a port shows. All files are PEM and were readable when the settings were concluded.
 *
 * @param clientCa who signs the certificates of clients; without it clients are not asked for one
 */
public record TlsSettings(Path cert, Path key, Optional<Path> clientCa) {}
