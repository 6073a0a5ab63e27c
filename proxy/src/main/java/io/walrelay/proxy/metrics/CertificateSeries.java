package io.walrelay.proxy.metrics;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.conninfo.TlsSettings.Mode;
import io.walrelay.proxy.conninfo.TlsSettings.RootCert;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Until when the certificates that the settings name are valid, as they were read when the relay last took them up. Thread-safe.
 *
 * <p>Of a certificate with its chain the first to end counts, of authorities the last: an old one stays beside its successor for a while.
 */
final class CertificateSeries implements MultiCollector {

    private volatile Map<String, Instant> ends = Map.of();

    /** Reads them again. */
    void show(Settings settings) {
        Map<String, Instant> read = new LinkedHashMap<>();
        settings.listen().tls().ifPresent(tls -> {
            chain(read, "listen.tls.cert", tls.cert());
            tls.clientCa().ifPresent(ca -> authorities(read, "listen.tls.client-ca", ca));
        });
        settings.http().tls().ifPresent(tls -> {
            chain(read, "http.tls.cert", tls.cert());
            tls.clientCa().ifPresent(ca -> authorities(read, "http.tls.client-ca", ca));
        });
        var upstream = settings.upstream().conninfo().tls();
        if (upstream.mode() != Mode.DISABLE) {
            upstream.cert().ifPresent(cert -> chain(read, "upstream.conninfo sslcert", cert));
            if (upstream.rootCert() instanceof RootCert.File(Path roots)) {
                authorities(read, "upstream.conninfo sslrootcert", roots);
            }
        }
        settings.peers().authority().ifPresent(ca -> authorities(read, "peers-ca", ca));
        ends = Collections.unmodifiableMap(read);
    }

    private static void chain(Map<String, Instant> ends, String setting, Path file) {
        ends(file).min(Comparator.naturalOrder()).ifPresent(end -> ends.put(setting, end));
    }

    private static void authorities(Map<String, Instant> ends, String setting, Path file) {
        ends(file).max(Comparator.naturalOrder()).ifPresent(end -> ends.put(setting, end));
    }

    private static Stream<Instant> ends(Path file) {
        return read(file).stream().map(certificate -> certificate.getNotAfter().toInstant());
    }

    /** Nothing where it can't be read: whoever needs it has said so, or will. */
    private static List<X509Certificate> read(Path file) {
        try (InputStream pem = Files.newInputStream(file)) {
            return CertificateFactory.getInstance("X.509").generateCertificates(pem).stream()
                    .map(X509Certificate.class::cast)
                    .toList();
        } catch (IOException | CertificateException e) {
            return List.of();
        }
    }

    @Override
    public MetricSnapshots collect() {
        Families families = new Families();
        Families.Gauge series = families.gauge("certificate_expiry_timestamp_seconds", "Until when the certificate is valid that a setting names, as it was read last (Unix time)");
        ends.forEach((setting, end) -> series.at(end.toEpochMilli() / 1e3, "setting", setting));
        series.done();
        return families.build();
    }
}
