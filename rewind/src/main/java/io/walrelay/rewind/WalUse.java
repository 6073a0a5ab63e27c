package io.walrelay.rewind;

/**
 * How many segments were looked at, of the target's WAL from the replay start to its end, and of the source's that will be replayed.
 *
 * @param targetIndexed whose changes the relay's index told
 * @param targetRead that were read record by record
 * @param sourceIndexed as of the target's; both are 0 when blocks are not left to the replay
 */
public record WalUse(int targetIndexed, int targetRead, int sourceIndexed, int sourceRead) {

    static final WalUse NONE = new WalUse(0, 0, 0, 0);
}
