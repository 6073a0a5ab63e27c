package io.walrelay.proxy.shaping;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;

/** What holds one stream back, if anything does. Confined to the stream's event loop; closed by it. */
public final class StreamShape implements AutoCloseable {

    private final Supplier<Word> word;
    private final Optional<DelayLine> delay;
    private final Optional<RateLimit> rate;
    private boolean holding;

    StreamShape(Supplier<Word> word, Optional<DelayLine> delay, Optional<RateLimit> rate) {
        this.word = word;
        this.delay = delay;
        this.rate = rate;
    }

    /**
     * How far it may go now; to be asked again with each pass and about every second.
     *
     * @param limit how far it could go
     * @param history the relay's
     */
    public Allowance allow(Lsn sent, Lsn limit, TimelineHistory history) {
        Word now = word.get();
        OptionalLong tokens = rate.isPresent() ? OptionalLong.of(rate.get().available()) : OptionalLong.empty();
        Optional<Lsn> released = now.releasedOn(history);
        Allowance allowance =
                Allowance.decide(new Allowance.Snapshot(sent, limit, now.paused(), released, delay.map(DelayLine::horizon), tokens));
        holding = allowance.hold().isPresent();
        return allowance;
    }

    /** Whether it was allowed less than all, the last time that it asked. */
    public boolean isHolding() {
        return holding;
    }

    /** It was sent so many bytes more, up to {@code to}. */
    public void sent(int bytes, Lsn to) {
        if (bytes > 0) {
            rate.ifPresent(limit -> {
                var _ = limit.take(bytes);
            });
            delay.ifPresent(line -> line.follows(to));
        }
    }

    @Override
    public void close() {
        delay.ifPresent(DelayLine::close);
    }
}
