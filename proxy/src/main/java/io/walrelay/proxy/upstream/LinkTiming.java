package io.walrelay.proxy.upstream;

import java.time.Duration;

/**
 * The waits of the upstream link.
 *
 * @param connect for TCP, TLS and login together, where conninfo has no connect_timeout
 * @param answer for the answer to one command
 * @param receiver without a byte for so long a stream counts as dead (wal_receiver_timeout); half of it asks for a sign of life
 * @param status the longest time between two reports of our position (wal_receiver_status_interval)
 * @param look how often the hosts are looked at while streaming, and again when somebody has to decide
 * @param firstRetry the pause after the first failure; it doubles up to {@code lastRetry}
 * @param gap how long hosts that can't be asked keep a gap from being accepted, since one of them may have the WAL
 */
public record LinkTiming(
        Duration connect, Duration answer, Duration receiver, Duration status, Duration look, Duration firstRetry, Duration lastRetry, Duration gap) {

    public static final LinkTiming DEFAULT = new LinkTiming(
            Duration.ofSeconds(10),
            Duration.ofSeconds(30),
            Duration.ofSeconds(60),
            Duration.ofSeconds(10),
            Duration.ofSeconds(10),
            Duration.ofMillis(200),
            Duration.ofSeconds(10),
            Duration.ofMinutes(10));
}
