package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.ProtocolVersion;
import java.util.Locale;

/**
 * What a client demands of the connection and of the server, in libpq's parameters.
 *
 * @param directTls {@code sslnegotiation=direct}: TLS from the first byte (PostgreSQL 17 and later)
 * @param minProtocolVersion {@code min_protocol_version}: a server that only has an older one is left before it is given a password
 * @param maxProtocolVersion {@code max_protocol_version}: what is asked for
 */
public record ClientSecurity(
        SslMode sslMode,
        boolean directTls,
        ChannelBindingMode channelBinding,
        RequireAuth requireAuth,
        ProtocolVersion minProtocolVersion,
        ProtocolVersion maxProtocolVersion) {

    /** libpq's defaults. */
    public static final ClientSecurity DEFAULT = new ClientSecurity(
            SslMode.PREFER, false, ChannelBindingMode.PREFER, RequireAuth.ANYTHING, ProtocolVersion.V3_0, ProtocolVersion.V3_0);

    public ClientSecurity {
        if (directTls && !sslMode.demandsTls()) {
            throw new IllegalArgumentException("weak sslmode \"%s\" may not be used with sslnegotiation=direct"
                            .formatted(sslMode.name().toLowerCase(Locale.ROOT))
                    + " (use \"require\", \"verify-ca\", or \"verify-full\")");
        }
        if (!maxProtocolVersion.equals(ProtocolVersion.V3_0) && !maxProtocolVersion.equals(ProtocolVersion.V3_2)) {
            throw new IllegalArgumentException(
                    "invalid max_protocol_version value: \"%s\"; expected 3.0 or 3.2".formatted(maxProtocolVersion));
        }
    }

    public ClientSecurity withSslMode(SslMode mode) {
        return new ClientSecurity(mode, directTls, channelBinding, requireAuth, minProtocolVersion, maxProtocolVersion);
    }

    public ClientSecurity withDirectTls(boolean direct) {
        return new ClientSecurity(sslMode, direct, channelBinding, requireAuth, minProtocolVersion, maxProtocolVersion);
    }

    public ClientSecurity withChannelBinding(ChannelBindingMode mode) {
        return new ClientSecurity(sslMode, directTls, mode, requireAuth, minProtocolVersion, maxProtocolVersion);
    }

    public ClientSecurity withRequireAuth(RequireAuth methods) {
        return new ClientSecurity(sslMode, directTls, channelBinding, methods, minProtocolVersion, maxProtocolVersion);
    }

    public ClientSecurity withMaxProtocolVersion(ProtocolVersion version) {
        return new ClientSecurity(sslMode, directTls, channelBinding, requireAuth, minProtocolVersion, version);
    }

    public ClientSecurity withMinProtocolVersion(ProtocolVersion version) {
        return new ClientSecurity(sslMode, directTls, channelBinding, requireAuth, version, maxProtocolVersion);
    }
}
