package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Secret;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.AlgorithmParameters;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidParameterSpecException;
import java.security.spec.PSSParameterSpec;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Channel binding data of type tls-server-end-point: the hash of a server's certificate (RFC 5929; be-secure-openssl.c). */
public final class ServerEndPoint {

    private static final Pattern SIGNATURE = Pattern.compile("(?<hash>MD5|SHA3-[0-9]+|SHA-?[0-9]+)with.*");

    private ServerEndPoint() {}

    /** Empty when the signature of {@code certificate} has no hash of its own, as with Ed25519. */
    public static Optional<Secret> of(X509Certificate certificate) {
        return hash(certificate).map(algorithm -> {
            try {
                return Secret.of(MessageDigest.getInstance(algorithm).digest(certificate.getEncoded()));
            } catch (NoSuchAlgorithmException | CertificateEncodingException e) {
                throw new IllegalStateException("could not hash the server's certificate with " + algorithm, e);
            }
        });
    }

    private static Optional<String> hash(X509Certificate certificate) {
        String signature = certificate.getSigAlgName();
        if (signature.equals("RSASSA-PSS")) {
            return Optional.of(strong(pssHash(certificate)));
        }
        Matcher form = SIGNATURE.matcher(signature);
        return form.matches() ? Optional.of(strong(form.group("hash"))) : Optional.empty();
    }

    private static String pssHash(X509Certificate certificate) {
        try {
            AlgorithmParameters parameters = AlgorithmParameters.getInstance("RSASSA-PSS");
            parameters.init(certificate.getSigAlgParams());
            return parameters.getParameterSpec(PSSParameterSpec.class).getDigestAlgorithm();
        } catch (NoSuchAlgorithmException | InvalidParameterSpecException e) {
            throw new IllegalStateException("could not read the certificate's RSASSA-PSS parameters", e);
        } catch (IOException e) {
            throw new UncheckedIOException("could not read the certificate's RSASSA-PSS parameters", e);
        }
    }

    /** RFC 5929: MD5 and SHA-1 give way to SHA-256. */
    private static String strong(String hash) {
        String name = hash.toUpperCase(Locale.ROOT);
        return switch (name) {
            case "MD5", "SHA1", "SHA-1" -> "SHA-256";
            case "SHA224", "SHA256", "SHA384", "SHA512" -> "SHA-" + name.substring(3);
            default -> name;
        };
    }
}
