package io.walrelay.rewind.plan;

import java.nio.file.Path;
import java.util.List;

/** What is done to one file of the target. Paths as in {@link io.walrelay.rewind.datadir.FileEntry}. */
public sealed interface FileAction {

    String path();

    /** Bytes that have to come from the source, as far as that is known before. */
    default long fetched() {
        return 0;
    }

    /** Bytes of the target that are lost by it and must be kept until the commit, other than by renaming. */
    default long overwritten() {
        return 0;
    }

    /** Bytes by which the directory grows at most. */
    default long added() {
        return 0;
    }

    record MakeDirectory(String path) implements FileAction {}

    record MakeLink(String path, String target) implements FileAction {}

    /** The whole file comes from the source. */
    record Copy(String path, long size) implements FileAction {
        @Override
        public long fetched() {
            return size;
        }

        @Override
        public long added() {
            return size;
        }
    }

    /**
     * A configuration file comes from the source, into the file that is there. A server that is started meanwhile must find it and what it includes,
     * or it would not come to the line that says what to run.
     *
     * @param from how long it is here
     */
    record Rewrite(String path, long from, long size) implements FileAction {
        @Override
        public long fetched() {
            return size;
        }

        @Override
        public long overwritten() {
            return from;
        }

        @Override
        public long added() {
            return Math.max(size - from, 0);
        }
    }

    /**
     * A segment that the target had no more comes from {@code from}, a file of this machine.
     *
     * @param until from where on it is zeros: the orphan's
     */
    record Install(String path, Path from, long until, long size) implements FileAction {
        @Override
        public long added() {
            return size;
        }
    }

    /** What the source's file has beyond the target's comes from the source. */
    record CopyTail(String path, long from, long to) implements FileAction {
        @Override
        public long fetched() {
            return to - from;
        }

        @Override
        public long added() {
            return to - from;
        }
    }

    /** Parts of the file come from the source. */
    record CopyBlocks(String path, List<Range> ranges) implements FileAction {
        public CopyBlocks {
            ranges = List.copyOf(ranges);
        }

        @Override
        public long fetched() {
            return ranges.stream().mapToLong(Range::length).sum();
        }

        @Override
        public long overwritten() {
            return fetched();
        }
    }

    /** The file is longer than the source's. */
    record Truncate(String path, long from, long to) implements FileAction {
        @Override
        public long overwritten() {
            return from - to;
        }
    }

    /** From {@code from} to its end it is zeros. */
    record Clear(String path, long from, long to) implements FileAction {
        @Override
        public long overwritten() {
            return to - from;
        }
    }

    /** A file, a link, or a directory with all that is in it. */
    record Remove(String path) implements FileAction {}

    /** Bytes of a file. */
    record Range(long offset, long length) {}
}
