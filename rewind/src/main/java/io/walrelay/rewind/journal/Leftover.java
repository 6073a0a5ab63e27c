package io.walrelay.rewind.journal;

/** What an earlier change of a data directory left behind. */
public enum Leftover {
    /** Nothing. */
    NONE,
    /** The directory is half changed, and servers refuse to start on it: {@link DirectoryChange#resume}. */
    UNFINISHED,
    /** The directory is whole, changed or as it was; only the journal is still there, which {@link DirectoryChange#resume} removes. */
    FINISHED
}
