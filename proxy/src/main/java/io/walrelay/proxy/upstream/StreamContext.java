package io.walrelay.proxy.upstream;

import io.walrelay.cache.GroupFsync;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.state.RelayState;
import java.io.IOException;
import java.util.function.Consumer;

/** What all streams of the link share. */
record StreamContext(
        RelayState relay, LinkStatus status, WalCache cache, GroupFsync fsync, LinkTiming timing, Room room, Consumer<IOException> fatal) {}
