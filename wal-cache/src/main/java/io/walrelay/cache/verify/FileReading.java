package io.walrelay.cache.verify;

import io.walrelay.cache.archive.DamagedObjectException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads files to their ends. Thread-safe. */
record FileReading(Shelf disk, Shelf archive, Progress progress) {

    private static final Logger log = LoggerFactory.getLogger(FileReading.class);

    /** A tier's files. Thread-safe. */
    @FunctionalInterface
    interface Shelf {

        /**
         * Copies a file's plain bytes to {@code into}, which is left open.
         *
         * @return false when it is not there any more; nothing was written then
         * @throws DamagedObjectException when it is not what it says; something may have been written
         * @throws IOException when it could not be looked at, or {@code into} fails
         */
        boolean read(StoredFile file, OutputStream into) throws IOException;
    }

    /** Copies a file's plain bytes to {@code into}, and says what is to be said of the file. */
    Outcome read(StoredFile file, OutputStream into) {
        Counted counted = new Counted(into, progress);
        try {
            boolean there = shelf(file.tier()).read(file, counted);
            return there ? new Outcome.Whole(counted.length, (int) counted.crc.getValue()) : new Outcome.Gone();
        } catch (DamagedObjectException.WrongKeyException e) {
            return new Outcome.Unread(String.valueOf(e.getMessage()));
        } catch (DamagedObjectException e) {
            return new Outcome.Damaged(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            return new Outcome.Unread(String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            log.warn("{} could not be read", file, e);
            return new Outcome.Unread(e.toString());
        }
    }

    Outcome read(StoredFile file) {
        return read(file, OutputStream.nullOutputStream());
    }

    private Shelf shelf(Tier tier) {
        return switch (tier) {
            case DISK -> disk;
            case ARCHIVE -> archive;
        };
    }

    private static final class Counted extends FilterOutputStream {
        private final Progress progress;
        private final CRC32C crc = new CRC32C();
        private long length;

        Counted(OutputStream out, Progress progress) {
            super(out);
            this.progress = progress;
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int count) throws IOException {
            crc.update(bytes, offset, count);
            length += count;
            progress.read(count);
            out.write(bytes, offset, count);
        }
    }
}
