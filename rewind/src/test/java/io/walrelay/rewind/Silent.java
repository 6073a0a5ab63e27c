package io.walrelay.rewind;

/** Nobody is told. */
final class Silent implements RewindListener {

    static final RewindListener LISTENER = new Silent();

    private Silent() {}

    @Override
    public void info(String message) {
        // Nobody listens.
    }

    @Override
    public void debug(String message) {
        // Nobody listens.
    }

    @Override
    public void progress(long fetched, long expected) {
        // Nobody listens.
    }
}
