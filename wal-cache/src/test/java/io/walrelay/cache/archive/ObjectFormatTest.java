package io.walrelay.cache.archive;

import static io.walrelay.cache.archive.ObjectStoreContract.random;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ObjectFormat.Proof;
import io.walrelay.cache.archive.ObjectIdentity.Checksum;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ObjectFormatTest {

    private static final String KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    @TempDir
    private static Path directory;

    private static Encryption encryption(String key) {
        try {
            return Encryption.withKeyFrom(Files.writeString(directory.resolve("key-" + key.hashCode()), key));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    static Stream<ObjectFormat> formats() {
        return Stream.of(Compression.values()).flatMap(c -> Stream.of(new ObjectFormat(c, Optional.empty()), new ObjectFormat(c, Optional.of(encryption(KEY)))));
    }

    /** Half of it compresses. */
    private static byte[] content() {
        byte[] bytes = random(5, 1_000_000);
        java.util.Arrays.fill(bytes, 300_000, 800_000, (byte) 7);
        return bytes;
    }

    private static ObjectIdentity identity(byte[] content) throws IOException {
        return new ObjectIdentity("7", "2@0/3002830-5f1c22aa", "000000020000000000000003", Checksum.of(new ByteArrayInputStream(content)));
    }

    private static byte[] written(ObjectFormat format, byte[] content) throws IOException {
        ByteArrayOutputStream object = new ByteArrayOutputStream();
        format.write(identity(content), () -> new ByteArrayInputStream(content), object);
        return object.toByteArray();
    }

    private static byte[] read(ObjectFormat format, byte[] object) throws IOException {
        return read(format, object, Proof.CRC);
    }

    private static byte[] read(ObjectFormat format, byte[] object, Proof proof) throws IOException {
        try (ObjectFormat.Opened opened = format.read(new ByteArrayInputStream(object), proof)) {
            return opened.plain().readAllBytes();
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void whatIsWrittenIsReadWhateverTheReaderItselfWouldWrite(ObjectFormat format) throws IOException {
        for (byte[] content : List.of(content(), new byte[0], new byte[] {1})) {
            byte[] object = written(format, content);
            assertArrayEquals(content, read(new ObjectFormat(Compression.LZ4, format.encryption()), object));
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void anObjectSaysWhatItIsUnlessItIsPlain(ObjectFormat format) throws IOException {
        byte[] object = written(format, content());
        try (ObjectFormat.Opened opened = format.read(new ByteArrayInputStream(object), Proof.CRC)) {
            boolean plain = format.compression() == Compression.NONE && format.encryption().isEmpty();
            assertEquals(plain ? Optional.empty() : Optional.of(identity(content())), opened.identity());
        }
        if (format.compression() != Compression.NONE) {
            assertTrue(object.length < 600_000, "compressed to " + object.length);
        }
    }

    @Test
    void aPlainObjectIsTheFile() throws IOException {
        assertArrayEquals(content(), written(new ObjectFormat(Compression.NONE, Optional.empty()), content()));
    }

    @Test
    void theHeaderIsTextThatProgramsPassOver() throws IOException {
        byte[] object = written(new ObjectFormat(Compression.ZSTD, Optional.empty()), "wal".getBytes(US_ASCII));
        String text = new String(object, US_ASCII);
        Checksum checksum = identity("wal".getBytes(US_ASCII)).content();
        assertEquals(
                """
                walrelay-object 1
                system 7
                lineage 2@0/3002830-5f1c22aa
                name 000000020000000000000003
                length 3
                crc32c %08x
                sha256 %s
                compression zstd
                encryption none
                """.formatted(checksum.crc32c(), checksum.sha256()),
                text.substring(8, text.indexOf("encryption none") + 16));
        assertArrayEquals(new byte[] {0x57, 0x2A, 0x4D, 0x18}, java.util.Arrays.copyOf(object, 4));
    }

    @ParameterizedTest
    @MethodSource("formats")
    void everyByteThatIsChangedOrMissingIsNoticed(ObjectFormat format) throws IOException {
        if (format.compression() == Compression.NONE && format.encryption().isEmpty()) {
            return; // A plain file says nothing of itself.
        }
        byte[] content = random(3, 5_000);
        byte[] object = written(format, content);
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        List<byte[]> damaged = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            byte[] changed = object.clone();
            changed[random.nextInt(object.length)] ^= (byte) (1 + random.nextInt(255));
            damaged.add(changed);
            damaged.add(java.util.Arrays.copyOf(object, random.nextInt(object.length)));
        }
        for (byte[] bytes : damaged) {
            byte[] got;
            try {
                got = read(format, bytes);
            } catch (DamagedObjectException e) {
                continue;
            }
            // A change in what the header says beside the content (its name) is for whoever knows what it should be.
            boolean noHeader = bytes.length < 8 || bytes[0] != object[0] || bytes[1] != object[1] || bytes[2] != object[2] || bytes[3] != object[3];
            assertTrue(noHeader || java.util.Arrays.equals(content, got), "damage was not noticed; seed " + seed);
        }
    }

    /** Other bytes that have the same CRC-32C can be made; none that have the same SHA-256. */
    @Test
    void whatWasMadeUpToLookRightIsFoundWhereItsDigestIsAskedFor() throws IOException {
        byte[] content = content();
        Checksum right = identity(content).content();
        Checksum madeUp = new Checksum(right.length(), right.crc32c(), "00".repeat(32));
        ObjectFormat format = new ObjectFormat(Compression.ZSTD, Optional.empty());
        ByteArrayOutputStream object = new ByteArrayOutputStream();
        format.write(new ObjectIdentity("7", "1", "000000010000000000000003", madeUp), () -> new ByteArrayInputStream(content), object);
        assertArrayEquals(content, read(format, object.toByteArray()));
        assertTrue(assertThrows(DamagedObjectException.class, () -> read(format, object.toByteArray(), Proof.SHA_256)).toString().contains("its header says"));
    }

    @Test
    void anotherKeyIsNamed() throws IOException {
        byte[] object = written(new ObjectFormat(Compression.ZSTD, Optional.of(encryption(KEY))), content());
        ObjectFormat other = new ObjectFormat(Compression.ZSTD, Optional.of(encryption(KEY.replace('0', '1'))));
        assertTrue(assertThrows(DamagedObjectException.class, () -> read(other, object)).toString().contains("it is encrypted with key "));
        ObjectFormat none = new ObjectFormat(Compression.ZSTD, Optional.empty());
        assertTrue(assertThrows(DamagedObjectException.class, () -> read(none, object)).toString().contains("expected archive.encryption.key-file"));
    }

    @Test
    void whatTheStoreCouldNotReadIsNotCalledDamaged() throws IOException {
        byte[] object = written(new ObjectFormat(Compression.ZSTD, Optional.of(encryption(KEY))), content());
        InputStream broken = new java.io.SequenceInputStream(new ByteArrayInputStream(object, 0, object.length / 2), new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("connection reset");
            }

            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
                throw new IOException("connection reset");
            }
        });
        ObjectFormat format = new ObjectFormat(Compression.ZSTD, Optional.of(encryption(KEY)));
        IOException e = assertThrows(IOException.class, () -> {
            try (ObjectFormat.Opened opened = format.read(broken, Proof.CRC)) {
                opened.plain().readAllBytes();
            }
        });
        assertEquals(false, e instanceof DamagedObjectException, e.toString());
        assertEquals("connection reset", e.getMessage());
    }

    @Test
    void aKeyIsHexadecimalBase64OrTheBytes() throws IOException {
        byte[] raw = java.util.HexFormat.of().parseHex(KEY);
        Path file = directory.resolve("raw");
        Files.write(file, raw);
        String id = Encryption.withKeyFrom(file).keyId();
        assertEquals(id, encryption(KEY + "\n").keyId());
        assertEquals(id, encryption(java.util.Base64.getEncoder().encodeToString(raw) + "\n").keyId());
        assertThrows(IllegalArgumentException.class, () -> encryption("too short"));
    }
}
