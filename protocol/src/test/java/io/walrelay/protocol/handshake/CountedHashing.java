package io.walrelay.protocol.handshake;

import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import java.security.InvalidKeyException;
import java.security.Key;
import java.security.MessageDigest;
import java.security.MessageDigestSpi;
import java.security.Provider;
import java.security.Security;
import java.security.spec.AlgorithmParameterSpec;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.MacSpi;

/**
 * Counts what is computed by HMAC-SHA-256, SHA-256 and MD5 in this JVM while it is open: the JDK's own, which are asked through a provider of
 * ours that comes first. For one test at a time; confined to its thread.
 */
final class CountedHashing implements AutoCloseable {

    private static final String NAME = "Counted";
    private static final Map<String, Integer> COUNTS = new TreeMap<>();

    CountedHashing() {
        COUNTS.clear();
        Security.insertProviderAt(new Counted(), 1);
    }

    /** What was computed since the last call, by algorithm. */
    Map<String, Integer> sinceThen() {
        Map<String, Integer> counts = Map.copyOf(COUNTS);
        COUNTS.clear();
        return counts;
    }

    private static void count(String algorithm) {
        COUNTS.merge(algorithm, 1, Integer::sum);
    }

    @Override
    public void close() {
        Security.removeProvider(NAME);
    }

    private static final class Counted extends Provider {

        private static final long serialVersionUID = 1;

        Counted() {
            super(NAME, "1", "counts");
            put("Mac.HmacSHA256", CountedHmac.class.getName());
            put("MessageDigest.SHA-256", CountedSha256.class.getName());
            put("MessageDigest.MD5", CountedMd5.class.getName());
        }
    }

    /** Made by the JDK. */
    public static final class CountedHmac extends MacSpi {

        private final Mac mac;

        public CountedHmac() throws GeneralSecurityException {
            mac = Mac.getInstance("HmacSHA256", "SunJCE");
        }

        @Override
        protected int engineGetMacLength() {
            return mac.getMacLength();
        }

        @Override
        protected void engineInit(Key key, AlgorithmParameterSpec parameters) throws InvalidKeyException, InvalidAlgorithmParameterException {
            mac.init(key, parameters);
        }

        @Override
        protected void engineUpdate(byte input) {
            mac.update(input);
        }

        @Override
        protected void engineUpdate(byte[] input, int offset, int length) {
            mac.update(input, offset, length);
        }

        @Override
        protected byte[] engineDoFinal() {
            count("HmacSHA256");
            return mac.doFinal();
        }

        @Override
        protected void engineReset() {
            mac.reset();
        }
    }

    abstract static class CountedDigest extends MessageDigestSpi {

        private final MessageDigest digest;

        CountedDigest(String algorithm) throws GeneralSecurityException {
            digest = MessageDigest.getInstance(algorithm, "SUN");
        }

        @Override
        protected void engineUpdate(byte input) {
            digest.update(input);
        }

        @Override
        protected void engineUpdate(byte[] input, int offset, int length) {
            digest.update(input, offset, length);
        }

        @Override
        protected byte[] engineDigest() {
            count(digest.getAlgorithm());
            return digest.digest();
        }

        @Override
        protected void engineReset() {
            digest.reset();
        }
    }

    /** Made by the JDK. */
    public static final class CountedSha256 extends CountedDigest {
        public CountedSha256() throws GeneralSecurityException {
            super("SHA-256");
        }
    }

    /** Made by the JDK. */
    public static final class CountedMd5 extends CountedDigest {
        public CountedMd5() throws GeneralSecurityException {
            super("MD5");
        }
    }
}
