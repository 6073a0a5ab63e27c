package io.walrelay.proxy.servers;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.walrelay.protocol.handshake.ServerEndPoint;
import io.walrelay.protocol.handshake.Transport;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.conninfo.TlsSettings;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The client's side of TLS as sslmode and its companions ask for it (fe-secure-openssl.c). Immutable; files are read when it is made.
 *
 * <p>By BoringSSL, where Netty has it for the machine: it takes a fifth of the processor time of the JDK's, and that from the first byte.
 */
public final class TlsClient {

    private static final Logger log = LoggerFactory.getLogger(TlsClient.class);
    private static final String PROTOCOL = Transport.ALPN;

    private final SslContext context;
    private final TlsSettings settings;

    private TlsClient(SslContext context, TlsSettings settings) {
        this.context = context;
        this.settings = settings;
    }

    /**
     * Has what TLS needs loaded by another thread, for a program that is short of time and does something else meanwhile. What fails then fails again when it
     * is used.
     */
    public static void loadAhead() {
        Thread.ofPlatform().daemon().name("tls-ahead").start(() -> {
            if (!OpenSsl.isAvailable()) {
                log.info("TLS is the JDK's, which takes several times the processor time of BoringSSL: {}", String.valueOf(OpenSsl.unavailabilityCause()));
            }
        });
    }

    /** @throws IOException naming the file that is missing or can't be used */
    public static TlsClient of(Conninfo conninfo) throws IOException {
        return of(conninfo.tls(), conninfo.userDirectory());
    }

    /**
     * @param userDirectory see {@link Conninfo#userDirectory()}
     * @throws IOException naming the file that is missing or can't be used
     */
    public static TlsClient of(TlsSettings tls, Optional<Path> userDirectory) throws IOException {
        return of(tls, userDirectory, OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK);
    }

    static TlsClient of(TlsSettings tls, Optional<Path> userDirectory, SslProvider by) throws IOException {
        SslContextBuilder builder = SslContextBuilder.forClient()
                .sslProvider(by)
                .protocols(Arrays.stream(TlsSettings.Version.values())
                        .filter(v -> v.compareTo(tls.minVersion()) >= 0 && tls.maxVersion().map(max -> v.compareTo(max) <= 0).orElse(true))
                        .map(TlsSettings.Version::toString)
                        .toList())
                .applicationProtocolConfig(new ApplicationProtocolConfig(
                        ApplicationProtocolConfig.Protocol.ALPN,
                        ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                        ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                        PROTOCOL))
                .endpointIdentificationAlgorithm(tls.mode() == TlsSettings.Mode.VERIFY_FULL ? "HTTPS" : null);
        try {
            // What is never used is not read: a certificate without its key must not keep the relay from starting.
            if (tls.mode() != TlsSettings.Mode.DISABLE) {
                trust(builder, tls, userDirectory);
                identify(builder, tls, userDirectory);
            }
            return new TlsClient(builder.build(), tls);
        } catch (UnusableFileException e) {
            throw e;
        } catch (GeneralSecurityException | IOException | IllegalArgumentException e) {
            throw new IOException("could not set up TLS: " + e.getMessage(), e);
        }
    }

    /** Its message names the file. */
    private static final class UnusableFileException extends IOException {
        private static final long serialVersionUID = 1;

        UnusableFileException(String message) {
            super(message);
        }

        UnusableFileException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private static void trust(SslContextBuilder builder, TlsSettings tls, Optional<Path> userDirectory) throws GeneralSecurityException, IOException {
        switch (tls.rootCert()) {
            // The platform's own store is what Java trusts when it is told nothing.
            case TlsSettings.RootCert.SystemStore() -> {}
            case TlsSettings.RootCert.Anybody() -> builder.trustManager(InsecureTrustManagerFactory.INSTANCE);
            case TlsSettings.RootCert.File(var path) -> trust(builder, tls, userDirectory, Optional.of(path));
            case TlsSettings.RootCert.Default() -> trust(builder, tls, userDirectory, userDirectory.map(d -> d.resolve("root.crt")));
        }
    }

    /** As libpq: a root certificate that is there is used, also where sslmode does not demand one. */
    private static void trust(SslContextBuilder builder, TlsSettings tls, Optional<Path> userDirectory, Optional<Path> file) throws GeneralSecurityException, IOException {
        if (file.isPresent() && Files.exists(file.get())) {
            builder.trustManager(trustManagers(file.get(), crl(tls, userDirectory)));
        } else if (tls.mode().compareTo(TlsSettings.Mode.VERIFY_CA) >= 0) {
            throw new UnusableFileException(
                    file.map(f -> "root certificate file \"%s\" does not exist; provide the file, use the system's trusted roots with sslrootcert=system, or change sslmode to disable server certificate verification".formatted(f))
                            .orElse("there is no home directory to find root.crt in; give sslrootcert"));
        } else {
            builder.trustManager(InsecureTrustManagerFactory.INSTANCE);
        }
    }

    private static Optional<Path> crl(TlsSettings tls, Optional<Path> userDirectory) {
        return tls.crl().or(() -> userDirectory.map(d -> d.resolve("root.crl")).filter(Files::exists));
    }

    /** Who trusts those who are in the PEM file {@code roots}. */
    public static TrustManagerFactory trustManagers(Path roots, Optional<Path> crl) throws GeneralSecurityException, IOException {
        CertificateFactory x509 = CertificateFactory.getInstance("X.509");
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        int n = 0;
        for (Certificate certificate : certificates(x509, roots)) {
            store.setCertificateEntry("root" + n++, certificate);
        }
        if (n == 0) {
            throw new UnusableFileException("root certificate file \"%s\" has no certificate in it".formatted(roots));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        if (crl.isEmpty()) {
            factory.init(store);
            return factory;
        }
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(store, new X509CertSelector());
        try (InputStream in = Files.newInputStream(crl.get())) {
            parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(x509.generateCRLs(in))));
        }
        parameters.setRevocationEnabled(true);
        factory.init(new CertPathTrustManagerParameters(parameters));
        return factory;
    }

    private static Collection<? extends Certificate> certificates(CertificateFactory x509, Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return x509.generateCertificates(in);
        } catch (CertificateException e) {
            throw new UnusableFileException("could not read root certificate file \"%s\": %s".formatted(file, e.getMessage()), e);
        }
    }

    private static void identify(SslContextBuilder builder, TlsSettings tls, Optional<Path> userDirectory) throws UnusableFileException {
        Optional<Path> cert = tls.cert().or(() -> userDirectory.map(d -> d.resolve("postgresql.crt")).filter(Files::exists));
        if (cert.isEmpty()) {
            return;
        }
        Path key = tls.key()
                .or(() -> userDirectory.map(d -> d.resolve("postgresql.key")))
                .orElseThrow(() -> new UnusableFileException("certificate \"%s\" is present, but no private key file; give sslkey".formatted(cert.get())));
        if (!Files.exists(key)) {
            throw new UnusableFileException("certificate \"%s\" is present, but not private key file \"%s\"".formatted(cert.get(), key));
        }
        String password = tls.keyPassword().map(Secret::utf8).orElse(null);
        try {
            Optional<PrivateKey> der = DerKey.read(key, password);
            if (der.isPresent()) {
                builder.keyManager(der.get(), certificates(CertificateFactory.getInstance("X.509"), cert.get()).toArray(X509Certificate[]::new));
            } else {
                builder.keyManager(cert.get().toFile(), key.toFile(), password);
            }
        } catch (GeneralSecurityException | IOException e) {
            throw new UnusableFileException("could not read private key file \"%s\": %s; expected PKCS #8, as PEM or DER".formatted(key, e.getMessage()), e);
        }
    }

    /** For a channel to {@code host}. */
    public SslHandler handler(ByteBufAllocator allocator, HostAddress host) {
        SslHandler handler = context.newHandler(allocator, host.host(), host.port());
        begin(handler.engine());
        return handler;
    }

    /** For a socket to {@code host}, whose certificate is to have that name where sslmode asks for one. */
    SSLEngine engine(String host, int port) {
        SSLEngine engine = context.newEngine(UnpooledByteBufAllocator.DEFAULT, host, port);
        begin(engine);
        return engine;
    }

    private void begin(SSLEngine engine) {
        if (!settings.sni()) {
            SSLParameters parameters = engine.getSSLParameters();
            parameters.setServerNames(List.of());
            engine.setSSLParameters(parameters);
        }
    }

    /** What the handshake on {@code handler}, which is over, has agreed on. */
    public static Transport.Tls transport(SslHandler handler) {
        try {
            X509Certificate server = (X509Certificate) handler.engine().getSession().getPeerCertificates()[0];
            return new Transport.Tls(ServerEndPoint.of(server), Optional.ofNullable(handler.applicationProtocol()));
        } catch (SSLPeerUnverifiedException e) {
            throw new IllegalStateException("a server without a certificate", e);
        }
    }

    /** Why a handshake failed. The innermost reason is the one that names the certificate or the protocol. */
    public String reason(@Nullable Throwable failure) {
        String text = "";
        boolean certificate = false;
        boolean closed = false;
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            text = cause.getMessage() == null ? text : cause.getMessage();
            certificate |= cause instanceof CertificateException;
            closed |= cause instanceof ClosedChannelException || cause instanceof EOFException;
        }
        if (certificate) {
            return "certificate verify failed: " + text;
        }
        if (closed) {
            boolean direct = settings.negotiation() == TlsSettings.Negotiation.DIRECT;
            return "server closed the connection during the handshake" + (direct ? "; sslnegotiation=direct needs PostgreSQL 17 or later" : "");
        }
        return text.isEmpty() ? String.valueOf(failure) : text;
    }
}
