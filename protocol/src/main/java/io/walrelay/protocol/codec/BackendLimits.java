package io.walrelay.protocol.codec;

/**
 * The longest messages that a client takes from a server, in bytes of the length word.
 *
 * @param copyData a piece of COPY data; walsender sends 128 kB of WAL at most (MAX_SEND_SIZE), a relay up to 1 MB
 * @param rows a row, its description, an error or a notice; a timeline history comes as one row
 * @param small everything else (libpq: fe-protocol3.c, VALID_LONG_MESSAGE_TYPE)
 */
public record BackendLimits(int copyData, int rows, int small) {

    public static final BackendLimits DEFAULT = new BackendLimits(4 * 1024 * 1024, 16 * 1024 * 1024, 30_000);
}
