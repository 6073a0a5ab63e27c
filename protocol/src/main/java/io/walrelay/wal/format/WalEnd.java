package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;

/**
 * Why the log could be followed no further. None of these is a read error: "could not look" is an exception of whoever
 * looks. The sentences follow PostgreSQL's own where it has one (xlogreader.c).
 */
public sealed interface WalEnd {

    /** The position that the reason is about. */
    Lsn at();

    /** One sentence for a log line. */
    String message();

    /** There are no more bytes, and the last record is whole. */
    record NoMoreBytes(Lsn at) implements WalEnd {
        @Override
        public String message() {
            return "no more bytes at %s".formatted(at);
        }
    }

    /** There are no more bytes at {@code at}, inside a record; {@code recordStart} is invalid when the record began before what was read. */
    record UnfinishedRecord(Lsn at, Lsn recordStart) implements WalEnd {
        @Override
        public String message() {
            return recordStart.isValid()
                    ? "no more bytes at %s, inside the record that starts at %s".formatted(at, recordStart)
                    : "no more bytes at %s, inside a record that started earlier".formatted(at);
        }
    }

    /** What is there is not the log: where WAL was never written, was written by somebody else, or is damaged. */
    sealed interface Flaw extends WalEnd {}

    /** Zeros where a record would start: the usual end of what a server wrote into a new segment. */
    record ZeroLength(Lsn at) implements Flaw {
        @Override
        public String message() {
            return "invalid record length at %s: expected at least 24, got 0".formatted(at);
        }
    }

    /** A record that claims a length (unsigned) that none has. */
    record InvalidLength(Lsn at, int found) implements Flaw {
        @Override
        public String message() {
            return "invalid record length at %s: expected 24 to %d, got %s"
                    .formatted(at, RecordHeader.MAX_RECORD_LENGTH, Integer.toUnsignedString(found));
        }
    }

    /** A record that does not follow the one before it; {@code expected} is invalid when only "earlier" was required. */
    record BadPrevLink(Lsn at, Lsn found, Lsn expected) implements Flaw {
        @Override
        public String message() {
            return "record with incorrect prev-link %s at %s: expected %s"
                    .formatted(found, at, expected.isValid() ? expected : "an earlier position");
        }
    }

    record BadChecksum(Lsn at, int found, int computed) implements Flaw {
        @Override
        public String message() {
            return "incorrect checksum in record at %s: the header says %08X, the bytes give %08X".formatted(at, found, computed);
        }
    }

    /** No supported version's page, or another version's than the pages before. */
    record UnknownMagic(Lsn at, int found) implements Flaw {
        @Override
        public String message() {
            return "invalid magic number %04X in the page at %s: expected PostgreSQL 13 to 18's, the same on every page".formatted(found, at);
        }
    }

    record BadPageFlags(Lsn at, int found) implements Flaw {
        @Override
        public String message() {
            return "invalid info bits %04X in the page at %s".formatted(found, at);
        }
    }

    /** A page of another position: typical of a segment file that was recycled and not yet written again. */
    record WrongPageAddress(Lsn at, Lsn found) implements Flaw {
        @Override
        public String message() {
            return "unexpected page address %s in the page at %s".formatted(found, at);
        }
    }

    /** A page written under another timeline (unsigned) than the history has at this position. */
    record WrongTimeline(Lsn at, int found, TimelineId expected) implements Flaw {
        @Override
        public String message() {
            return "unexpected timeline %s in the page at %s: expected %s".formatted(Integer.toUnsignedString(found), at, expected);
        }
    }

    record ForeignSystem(Lsn at, SystemId found, SystemId expected) implements Flaw {
        @Override
        public String message() {
            return "WAL of another cluster in the page at %s: its system identifier is %s, expected %s".formatted(at, found, expected);
        }
    }

    record WrongSegmentSize(Lsn at, int found, SegmentSize expected) implements Flaw {
        @Override
        public String message() {
            return "segment size of %s bytes in the page at %s: expected %d".formatted(Integer.toUnsignedString(found), at, expected.bytes());
        }
    }

    record UnsupportedBlockSize(Lsn at, int found) implements Flaw {
        @Override
        public String message() {
            return "WAL block size of %s bytes in the page at %s: only %d is supported"
                    .formatted(Integer.toUnsignedString(found), at, PageHeader.PAGE_SIZE);
        }
    }

    /** A page that announces {@code found} more bytes (unsigned; 0: none) of a record of which {@code expected} are missing. */
    record BadContinuation(Lsn at, int found, int expected) implements Flaw {
        @Override
        public String message() {
            return "the page at %s continues a record by %s bytes: expected %d".formatted(at, Integer.toUnsignedString(found), expected);
        }
    }
}
