package io.walrelay.cache.archive;

import io.walrelay.cache.archive.ObjectIdentity.Checksum;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * How objects are written, and how any of ours is read, whatever it was written with. With neither compression nor encryption an object is the
 * plain file, as {@code archive_command = cp} would leave it. Thread-safe.
 */
public record ObjectFormat(Compression compression, Optional<Encryption> encryption) {

    private static final int BUFFER = 1 << 16;

    /** An object's plain bytes, as often as they are asked for. */
    @FunctionalInterface
    public interface Plain {
        InputStream open() throws IOException;
    }

    /** By what an object's content is proved to be what was put. */
    enum Proof {
        /** Its length and CRC-32C: finds what a disk or a network does to it, and costs who waits for it next to nothing. */
        CRC,
        /** SHA-256 as well, at several times the cost: also finds what was made up to look right. */
        SHA_256
    }

    /** What was read of an object before its content. {@code identity}: what it says of itself; plain files say nothing. */
    record Opened(Optional<ObjectIdentity> identity, InputStream plain) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            plain.close();
        }
    }

    private boolean isPlain() {
        return compression == Compression.NONE && encryption.isEmpty();
    }

    /** Writes an object; {@code out} is closed. */
    void write(ObjectIdentity identity, Plain plain, OutputStream out) throws IOException {
        try (OutputStream buffered = new BufferedOutputStream(out, BUFFER)) {
            if (isPlain()) {
                copy(plain, buffered);
                return;
            }
            byte[] header = new ObjectHeader(identity, compression, encryption.map(Encryption::keyId)).bytes();
            buffered.write(header);
            OutputStream sealed = encryption.isPresent() ? encryption.get().encrypting(buffered, header) : buffered;
            try (OutputStream compressed = compression.compressing(sealed)) {
                copy(plain, compressed);
            }
        }
    }

    private static void copy(Plain plain, OutputStream out) throws IOException {
        try (InputStream in = plain.open()) {
            in.transferTo(out);
        }
    }

    /**
     * Begins to read an object. Its end is told only when all that it says of its content was found true.
     *
     * @throws DamagedObjectException also from the stream, when the object is damaged or was written with another key
     */
    Opened read(InputStream object, Proof proof) throws IOException {
        InputStream in = new BufferedInputStream(new FromStore(object), BUFFER);
        Optional<ObjectHeader> found = ObjectHeader.read(in);
        if (found.isEmpty()) {
            return new Opened(Optional.empty(), in);
        }
        ObjectHeader header = found.get();
        InputStream opened = header.key().isPresent() ? decrypting(header, header.key().get(), in) : in;
        return new Opened(
                Optional.of(header.identity()),
                new Verified(new BufferedInputStream(header.compression().decompressing(opened), BUFFER), header.identity().content(), proof));
    }

    private InputStream decrypting(ObjectHeader header, String keyId, InputStream in) throws IOException {
        Encryption ours = encryption.orElseThrow(() -> new DamagedObjectException.WrongKeyException(
                "it is encrypted with key %s; expected archive.encryption.key-file to name it".formatted(keyId)));
        if (!ours.keyId().equals(keyId)) {
            throw new DamagedObjectException.WrongKeyException("it is encrypted with key %s; archive.encryption.key-file has key %s".formatted(keyId, ours.keyId()));
        }
        return ours.decrypting(in, header.bytes());
    }

    /** The store could not be read to the end: that says nothing about the object. */
    private static final class StoreFailedException extends IOException {
        private static final long serialVersionUID = 1;

        StoreFailedException(IOException cause) {
            super(cause.getMessage(), cause);
        }
    }

    /** Marks faults of the store, so that what reads them in the form of an object does not take them for faults of the object. */
    private static final class FromStore extends FilterInputStream {
        FromStore(InputStream in) {
            super(in);
        }

        @Override
        public int read() throws IOException {
            try {
                return super.read();
            } catch (IOException e) {
                throw new StoreFailedException(e);
            }
        }

        @Override
        public int read(byte[] into, int offset, int wanted) throws IOException {
            try {
                return super.read(into, offset, wanted);
            } catch (IOException e) {
                throw new StoreFailedException(e);
            }
        }
    }

    /** Compares what passes with what the header says, and calls every fault of the content by one name. */
    private static final class Verified extends FilterInputStream {
        private final Checksum expected;
        private final CRC32C crc = new CRC32C();
        private final Optional<MessageDigest> sha;
        private long length;
        private boolean ended;

        Verified(InputStream in, Checksum expected, Proof proof) {
            super(in);
            this.expected = expected;
            this.sha = proof == Proof.SHA_256 ? Optional.of(Checksum.newSha256()) : Optional.empty();
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] into, int offset, int wanted) throws IOException {
            int n;
            try {
                n = super.read(into, offset, wanted);
            } catch (StoreFailedException e) {
                throw e;
            } catch (IOException e) {
                throw new DamagedObjectException("its content can't be read: " + e.getMessage(), e);
            }
            if (n > 0) {
                length += n;
                crc.update(into, offset, n);
                sha.ifPresent(digest -> digest.update(into, offset, n));
                if (length > expected.length()) {
                    throw new DamagedObjectException("it has more than the %d bytes that its header says".formatted(expected.length()));
                }
            } else if (n < 0 && !ended) {
                ended = true;
                String digest = sha.map(d -> HexFormat.of().formatHex(d.digest())).orElse(expected.sha256());
                Checksum found = new Checksum(length, (int) crc.getValue(), digest);
                if (!found.equals(expected)) {
                    throw new DamagedObjectException("its content is %s; its header says %s".formatted(found, expected));
                }
            }
            return n;
        }

        @Override
        public boolean markSupported() {
            return false;
        }
    }
}
