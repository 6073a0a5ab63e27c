package io.walrelay.proxy.testkit;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** A certificate authority and what it signed, as the PEM files that libpq and the relay read. */
public final class Certificates {

    private final Path directory;
    private final X509Bundle authority;

    private Certificates(Path directory, X509Bundle authority) {
        this.directory = directory;
        this.authority = authority;
    }

    /** A certificate and its private key. */
    public record Pair(Path certificate, Path key) {}

    /** A new authority, whose files go into {@code directory}. */
    public static Certificates in(Path directory) throws Exception {
        X509Bundle authority = new CertificateBuilder()
                .rsa2048()
                .subject("CN=walrelay test authority")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        Files.writeString(directory.resolve("ca.crt"), authority.getCertificatePEM());
        return new Certificates(directory, authority);
    }

    /** Whom clients and relay have to trust. */
    public Path authority() {
        return directory.resolve("ca.crt");
    }

    /** Signs a certificate for {@code commonName} at 127.0.0.1. */
    public Pair issue(String commonName) throws Exception {
        X509Bundle issued = new CertificateBuilder()
                .rsa2048()
                .subject("CN=" + commonName)
                .addSanIpAddress("127.0.0.1")
                .buildIssuedBy(authority);
        Path certificate = Files.writeString(directory.resolve(commonName + ".crt"), issued.getCertificatePEM());
        Path key = directory.resolve(commonName + ".key");
        // libpq refuses a key that others may read.
        Files.createFile(key, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(key, issued.getPrivateKeyPEM());
        return new Pair(certificate, key);
    }
}
