package io.walrelay.proxy.servers;

import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.conninfo.TlsSettings;
import io.walrelay.proxy.conninfo.TlsSettings.RootCert;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import javax.net.ssl.SSLSocketFactory;

/**
 * Gives pgjdbc's sessions the TLS that streams have. Public since the driver finds it by name; what it is to do comes with the driver's own properties,
 * which are text.
 */
public final class TlsSocketFactory extends SSLSocketFactory {

    private static final String PREFIX = "walrelay.";
    private static final String SYSTEM = "system";

    /* Words of libpq, and where its files lie that are not named. The driver knows most of them, and would look at the files as well. */
    private static final String MODE = PREFIX + "sslmode";
    private static final String NEGOTIATION = PREFIX + "sslnegotiation";
    private static final String ROOT = PREFIX + "sslrootcert";
    private static final String ANYBODY = PREFIX + "anybody";
    private static final String CERT = PREFIX + "sslcert";
    private static final String KEY = PREFIX + "sslkey";
    private static final String KEY_PASSWORD = PREFIX + "sslpassword";
    private static final String CRL = PREFIX + "sslcrl";
    private static final String SNI = PREFIX + "sslsni";
    private static final String MIN = PREFIX + "ssl_min_protocol_version";
    private static final String MAX = PREFIX + "ssl_max_protocol_version";
    private static final String USER_DIRECTORY = PREFIX + "userdirectory";

    private final Properties properties;

    /** @param properties the driver's, with what {@link #demand} has put there */
    public TlsSocketFactory(Properties properties) {
        super();
        this.properties = properties;
    }

    /** Has a session by {@code properties} use TLS as {@code tls} says. */
    static void demand(TlsSettings tls, Optional<Path> userDirectory, Properties properties) {
        properties.setProperty("sslfactory", TlsSocketFactory.class.getName());
        properties.setProperty(MODE, tls.mode().name());
        properties.setProperty(NEGOTIATION, tls.negotiation().name());
        // The driver would not go on without TLS, as libpq does, for a certificate that is not trusted; nor would that make anything safer.
        switch (tls.mode().compareTo(TlsSettings.Mode.REQUIRE) < 0 ? new RootCert.Anybody() : tls.rootCert()) {
            case RootCert.Default() -> {}
            case RootCert.Anybody() -> properties.setProperty(ANYBODY, "true");
            case RootCert.SystemStore() -> properties.setProperty(ROOT, SYSTEM);
            case RootCert.File(var path) -> properties.setProperty(ROOT, path.toString());
        }
        tls.cert().ifPresent(path -> properties.setProperty(CERT, path.toString()));
        tls.key().ifPresent(path -> properties.setProperty(KEY, path.toString()));
        tls.keyPassword().ifPresent(password -> properties.setProperty(KEY_PASSWORD, password.utf8()));
        tls.crl().ifPresent(path -> properties.setProperty(CRL, path.toString()));
        properties.setProperty(SNI, Boolean.toString(tls.sni()));
        properties.setProperty(MIN, tls.minVersion().name());
        tls.maxVersion().ifPresent(version -> properties.setProperty(MAX, version.name()));
        userDirectory.ifPresent(path -> properties.setProperty(USER_DIRECTORY, path.toString()));
    }

    private TlsSettings settings() {
        return new TlsSettings(
                TlsSettings.Mode.valueOf(properties.getProperty(MODE)),
                TlsSettings.Negotiation.valueOf(properties.getProperty(NEGOTIATION)),
                root(),
                path(CERT),
                path(KEY),
                text(KEY_PASSWORD).map(Secret::utf8),
                path(CRL),
                Boolean.parseBoolean(properties.getProperty(SNI)),
                // The driver's own matter.
                TlsSettings.ChannelBinding.PREFER,
                TlsSettings.Version.valueOf(properties.getProperty(MIN)),
                text(MAX).map(TlsSettings.Version::valueOf));
    }

    private RootCert root() {
        if (Boolean.parseBoolean(properties.getProperty(ANYBODY))) {
            return new RootCert.Anybody();
        }
        return text(ROOT).<RootCert>map(word -> word.equals(SYSTEM) ? new RootCert.SystemStore() : new RootCert.File(Path.of(word))).orElse(new RootCert.Default());
    }

    private Optional<String> text(String name) {
        return Optional.ofNullable(properties.getProperty(name));
    }

    private Optional<Path> path(String name) {
        return text(name).map(Path::of);
    }

    /** TLS on {@code below}, which is connected; files are read anew each time, so that certificates may be renewed. */
    @Override
    public Socket createSocket(Socket below, String host, int port, boolean closeBelow) throws IOException {
        return new TlsSocket(TlsClient.of(settings(), path(USER_DIRECTORY)), below, host, port);
    }

    @Override
    public String[] getDefaultCipherSuites() {
        return new String[0];
    }

    @Override
    public String[] getSupportedCipherSuites() {
        return new String[0];
    }

    // The driver only asks for TLS on a socket that is connected.

    @Override
    public Socket createSocket(String host, int port) {
        throw unsupported();
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress localHost, int localPort) {
        throw unsupported();
    }

    @Override
    public Socket createSocket(InetAddress host, int port) {
        throw unsupported();
    }

    @Override
    public Socket createSocket(InetAddress address, int port, InetAddress localAddress, int localPort) {
        throw unsupported();
    }

    private static UnsupportedOperationException unsupported() {
        return new UnsupportedOperationException("TLS is put on a socket that is connected");
    }
}
