package io.walrelay.rewind;

/** Who is told how a rewind goes. Called on the thread that rewinds. */
public interface RewindListener {

    /** A sentence that the user wants to see. */
    void info(String message);

    /** What explains a decision. */
    void debug(String message);

    /** So many bytes have come from the source, of about so many. */
    void progress(long fetched, long expected);
}
