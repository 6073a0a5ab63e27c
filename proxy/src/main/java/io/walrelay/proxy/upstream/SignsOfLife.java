package io.walrelay.proxy.upstream;

/** What the silence of an upstream means, and ours. Times are those of System.nanoTime. Confined to one thread. */
final class SignsOfLife {

    /** What to do. */
    enum Verdict {
        FINE,
        /** It has been silent for half of the limit: ask for a sign, once. */
        ASK,
        /** Nothing came for as long as the limit. */
        DEAD,
        /** We have not read for as long as the limit, while upstream believes that we will. */
        GIVE_BACK
    }

    private final long limit;
    private boolean reading = true;
    private boolean asked;
    private long heard;
    private long stopped;

    /** @param limit nanoseconds */
    SignsOfLife(long limit, long now) {
        this.limit = limit;
        this.heard = now;
    }

    void heard(long now) {
        heard = now;
        asked = false;
    }

    /** From {@code now} on it is read, or it is not. What was not read says nothing about upstream. */
    void reading(boolean on, long now) {
        if (on && !reading) {
            heard(now);
        } else if (!on && reading) {
            stopped = now;
        }
        reading = on;
    }

    Verdict judge(long now) {
        if (!reading) {
            return now - stopped >= limit ? Verdict.GIVE_BACK : Verdict.FINE;
        }
        if (now - heard >= limit) {
            return Verdict.DEAD;
        }
        if (asked || now - heard < limit / 2) {
            return Verdict.FINE;
        }
        asked = true;
        return Verdict.ASK;
    }
}
