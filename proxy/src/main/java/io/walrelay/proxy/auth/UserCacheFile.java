package io.walrelay.proxy.auth;

import io.walrelay.protocol.message.Secret;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * The roles that upstream told of, on disk with mode 0600, for when upstream is away.
 *
 * <pre>
 *   magic "WRUC" | version 1 (int) | count (int) | count × entry | CRC32C of all before (int)
 *   entry: name | has password (byte) [password] | replication (byte) | can login (byte) | has end (byte) [end, epoch ms]
 *   a text is its length (int) and UTF-8
 * </pre>
 */
final class UserCacheFile {

    private static final int MAGIC = 0x57525543;
    private static final int VERSION = 1;
    private static final int MAX_BYTES = 16 << 20;

    private final Path file;

    UserCacheFile(Path file) {
        this.file = file;
    }

    /** @throws IOException if it is there and can't be read or is damaged */
    List<UserEntry> load() throws IOException {
        byte[] bytes;
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new IOException("%s has %d bytes; expected at most %d".formatted(file, Files.size(file), MAX_BYTES));
            }
            bytes = Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return List.of();
        }
        int body = bytes.length - Integer.BYTES;
        if (body < 3 * Integer.BYTES || ByteBuffer.wrap(bytes).getInt(body) != crc(bytes, body)) {
            throw new IOException("%s is damaged: its checksum does not fit".formatted(file));
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes, 0, body))) {
            int magic = in.readInt();
            int version = in.readInt();
            if (magic != MAGIC || version != VERSION) {
                throw new IOException("%s has magic %08X and version %d; expected %08X and %d".formatted(file, magic, version, MAGIC, VERSION));
            }
            List<UserEntry> entries = new ArrayList<>();
            for (int left = in.readInt(); left > 0; left--) {
                String name = text(in).utf8();
                entries.add(new UserEntry(
                        name,
                        in.readBoolean() ? Optional.of(text(in)) : Optional.empty(),
                        in.readBoolean(),
                        in.readBoolean(),
                        in.readBoolean() ? Optional.of(Instant.ofEpochMilli(in.readLong())) : Optional.empty()));
            }
            return entries;
        }
    }

    void save(Collection<UserEntry> entries) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(MAGIC);
            out.writeInt(VERSION);
            out.writeInt(entries.size());
            for (UserEntry entry : entries) {
                write(out, Secret.utf8(entry.name()));
                out.writeBoolean(entry.password().isPresent());
                if (entry.password().isPresent()) {
                    write(out, entry.password().get());
                }
                out.writeBoolean(entry.replication());
                out.writeBoolean(entry.canLogin());
                out.writeBoolean(entry.validUntil().isPresent());
                if (entry.validUntil().isPresent()) {
                    out.writeLong(entry.validUntil().get().toEpochMilli());
                }
            }
            out.writeInt(crc(bytes.toByteArray(), bytes.size()));
        }
        replace(bytes.toByteArray());
    }

    /** A crash leaves the old file or the new one: the name moves only once the bytes are safe. */
    private void replace(byte[] bytes) throws IOException {
        Path directory = Optional.ofNullable(file.toAbsolutePath().getParent()).orElseThrow();
        Path temporary = directory.resolve(file.getFileName() + ".tmp");
        Files.deleteIfExists(temporary);
        try (FileChannel channel = FileChannel.open(
                temporary,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            channel.force(true);
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static int crc(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }

    private static Secret text(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0 || length > in.available()) {
            throw new IOException("a text of %d bytes in %d".formatted(length, in.available()));
        }
        return Secret.of(in.readNBytes(length));
    }

    private static void write(DataOutputStream out, Secret text) throws IOException {
        out.writeInt(text.length());
        out.write(text.bytes());
    }
}
