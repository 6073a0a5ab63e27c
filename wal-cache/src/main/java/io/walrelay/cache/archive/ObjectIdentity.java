package io.walrelay.cache.archive;

import java.io.IOException;
import java.io.InputStream;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;

/**
 * What makes two objects the same: whose they are, what they are called, and their plain bytes. Compression and encryption do not
 * count, so that two relays that archive one segment, each in its own way, archive one object.
 *
 * @param system the cluster's system identifier
 * @param lineage the id of the history up to the object's timeline
 * @param name the file's name in PostgreSQL's words
 */
public record ObjectIdentity(String system, String lineage, String name, Checksum content) {

    /** Of plain bytes; {@code length} is their number. */
    public record Checksum(long length, int crc32c, String sha256) {

        static Checksum of(InputStream plain) throws IOException {
            CRC32C crc = new CRC32C();
            MessageDigest sha = newSha256();
            try (InputStream checked = new DigestInputStream(new CheckedInputStream(plain, crc), sha)) {
                byte[] buffer = new byte[1 << 16];
                long length = 0;
                for (int n = checked.read(buffer); n >= 0; n = checked.read(buffer)) {
                    length += n;
                }
                return new Checksum(length, (int) crc.getValue(), HexFormat.of().formatHex(sha.digest()));
            }
        }

        static MessageDigest newSha256() {
            try {
                return MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every Java platform has SHA-256", e);
            }
        }
    }
}
