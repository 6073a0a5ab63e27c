package io.walrelay.cache.verify;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.WalEnd;
import java.util.Optional;

/** Something that is wrong with what is kept. That something could not be looked at is none: see {@link Report#unread}. */
public sealed interface Problem {

    /** A word for programs. */
    String kind();

    /** What it is about: a path below the data directory, or an object's key. */
    String file();

    /** One sentence. */
    String message();

    /** The part of the log that it is about; empty when it is about a file that is no segment. */
    Optional<Span> span();

    /**
     * Segments are missing between others that are there.
     *
     * @param file the first that is missing, as it would be called
     * @param segments how many
     * @param onDisk whether they are missing in the archive alone, and the local disk has them
     * @param known whether the relay knows that it never got them
     */
    record Gap(String file, Span missing, long segments, boolean onDisk, boolean known) implements Problem {
        @Override
        public String kind() {
            return "gap";
        }

        @Override
        public String message() {
            String what = "WAL from %s to %s of timeline %s is missing: %s".formatted(
                    missing.from(), missing.to(), missing.lineage().timelineAt(missing.from()), segments == 1 ? file : "%d segments from %s on".formatted(segments, file));
            if (onDisk) {
                return what + " is not in the archive; the local disk has it";
            }
            return known ? what + "; upstream had removed it before the relay got it" : what;
        }

        /** What the local disk has can be read. */
        @Override
        public Optional<Span> span() {
            return onDisk ? Optional.empty() : Optional.of(missing);
        }
    }

    /** A page or a record that is none. */
    record BadWal(StoredFile where, WalEnd.Flaw flaw, Span bad) implements Problem {
        @Override
        public String kind() {
            return "bad-wal";
        }

        @Override
        public String file() {
            return where.path();
        }

        @Override
        public String message() {
            return "%s: %s".formatted(where, flaw.message());
        }

        @Override
        public Optional<Span> span() {
            return Optional.of(bad);
        }
    }

    /** An object that can't be decoded, or that has not the content that it says. */
    record Damaged(StoredFile where, String reason, Optional<Span> span) implements Problem {
        @Override
        public String kind() {
            return "damaged-object";
        }

        @Override
        public String file() {
            return where.path();
        }

        @Override
        public String message() {
            return "%s is damaged: %s".formatted(where, reason);
        }
    }

    /** A segment that has not as many bytes as segments have. */
    record WrongLength(StoredFile where, long found, long expected, Optional<Span> span) implements Problem {
        @Override
        public String kind() {
            return "wrong-length";
        }

        @Override
        public String file() {
            return where.path();
        }

        @Override
        public String message() {
            return "%s has %d bytes; expected %d".formatted(where, found, expected);
        }
    }

    /** One segment of one lineage that is kept twice, in two forms. */
    record DifferentBytes(StoredFile where, StoredFile other, Lsn at, Optional<Span> span) implements Problem {
        @Override
        public String kind() {
            return "different-bytes";
        }

        @Override
        public String file() {
            return where.path();
        }

        @Override
        public String message() {
            return "%s and %s have different bytes from %s on".formatted(where, other, at);
        }
    }

    /** Two servers have written one segment of one lineage. */
    record Conflict(StoredFile where, Optional<Span> span) implements Problem {
        @Override
        public String kind() {
            return "conflict";
        }

        @Override
        public String file() {
            return where.path();
        }

        @Override
        public String message() {
            return "%s was put beside other bytes under its name: two servers wrote it".formatted(where);
        }
    }

    /** Without it nobody recovers to that timeline. */
    record MissingHistory(String file, String reason) implements Problem {
        @Override
        public String kind() {
            return "missing-history";
        }

        @Override
        public String message() {
            return "%s: %s".formatted(file, reason);
        }

        @Override
        public Optional<Span> span() {
            return Optional.empty();
        }
    }

    /** A file that has no business there. */
    record UnknownFile(String file, String reason) implements Problem {
        @Override
        public String kind() {
            return "unknown-file";
        }

        @Override
        public String message() {
            return "%s: %s".formatted(file, reason);
        }

        @Override
        public Optional<Span> span() {
            return Optional.empty();
        }
    }
}
