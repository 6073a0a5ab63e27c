package io.walrelay.proxy.testkit;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

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

    /** The authority's list of what it has revoked, with {@code revoked} on it. */
    public Path revoke(Pair revoked) throws Exception {
        Path list = directory.resolve("ca.crl");
        Path configuration = Files.writeString(directory.resolve("ca.conf"), """
                [ca]
                default_ca = this
                [this]
                database = %1$s/ca.index
                certificate = %1$s/ca.crt
                private_key = %1$s/ca.key
                default_md = sha256
                default_crl_days = 1
                """.formatted(directory));
        Files.writeString(directory.resolve("ca.index"), "");
        Files.writeString(directory.resolve("ca.key"), authority.getPrivateKeyPEM());
        openssl("ca", "-config", configuration.toString(), "-revoke", revoked.certificate.toString());
        openssl("ca", "-config", configuration.toString(), "-gencrl", "-out", list.toString());
        return list;
    }

    /** The key of {@code pair} in PKCS #8 without PEM, encrypted if {@code password} is not empty. */
    public Path inDer(Pair pair, String password) throws Exception {
        Path der = directory.resolve(password.isEmpty() ? "plain.der" : "encrypted.der");
        List<String> encryption = password.isEmpty() ? List.of("-nocrypt") : List.of("-passout", "pass:" + password);
        openssl(Stream.concat(Stream.of("pkcs8", "-topk8", "-outform", "DER", "-in", pair.key.toString(), "-out", der.toString()), encryption.stream()).toArray(String[]::new));
        return der;
    }

    private static void openssl(String... arguments) throws Exception {
        Process program = new ProcessBuilder(Stream.concat(Stream.of("openssl"), Arrays.stream(arguments)).toList()).redirectErrorStream(true).start();
        program.getOutputStream().close();
        String output = new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (program.waitFor() != 0) {
            throw new IllegalStateException("openssl %s: %s".formatted(String.join(" ", arguments), output));
        }
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
