package io.walrelay.proxy.standby;

import io.netty.channel.DefaultFileRegion;
import io.walrelay.cache.WalSlice;

/** WAL that the kernel sends from a segment file. Takes over the slice's reference and gives it back when it was sent. */
final class SegmentRegion extends DefaultFileRegion {

    private final WalSlice.InFile slice;

    SegmentRegion(WalSlice.InFile slice) {
        super(slice.file().channel(), slice.offset(), slice.length());
        this.slice = slice;
    }

    /** The file is shared: unlike its parent it does not close it. */
    @Override
    protected void deallocate() {
        slice.release();
    }
}
