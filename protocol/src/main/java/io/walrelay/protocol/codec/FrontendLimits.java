package io.walrelay.protocol.codec;

/**
 * The longest messages that a server takes from a client, in bytes of the length word. A message is kept in memory
 * until it is whole, so these bound what a stranger can make the relay hold.
 *
 * @param opening before anybody is known (PostgreSQL: pqcomm.h, MAX_STARTUP_PACKET_LENGTH, without the length word)
 * @param authentication before anybody is trusted (PostgreSQL: auth.c, PG_MAX_AUTH_TOKEN_LENGTH)
 * @param query a simple query; PostgreSQL takes a gigabyte (libpq.h, PQ_LARGE_MESSAGE_LIMIT)
 * @param copyData a piece of COPY data; a standby's replies have 34 bytes at most, a manifest comes in pieces of 64 kB
 * @param extended a Parse, Bind or FunctionCall
 * @param small everything else (PostgreSQL: libpq.h, PQ_SMALL_MESSAGE_LIMIT)
 */
public record FrontendLimits(int opening, int authentication, int query, int copyData, int extended, int small) {

    /** PostgreSQL's own where it is frugal, and frugal where PostgreSQL takes a gigabyte. */
    public static final FrontendLimits DEFAULT =
            new FrontendLimits(10_000, 65_535, 256 * 1024, 128 * 1024, 256 * 1024, 10_000);
}
