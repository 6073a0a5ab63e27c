package io.walrelay.wal.format;

import java.util.Optional;

/**
 * A block that a record refers to (PostgreSQL: xlogrecord.h, XLogRecordBlockHeader).
 *
 * @param id the record's own number for it, rising from reference to reference, with or without holes
 * @param fork 0 main, 1 free space map, 2 visibility map, 3 init (relpath.h, ForkNumber)
 * @param block number in the fork, unsigned
 * @param willInit whether replay makes the page anew without reading it
 * @param image empty when the record has none of this block
 * @param dataOffset where the block's data begin, from the record's beginning
 * @param dataLength 0 when it has none
 */
public record BlockReference(
        int id, RelationFile relation, int fork, int block, boolean willInit, Optional<PageImage> image, int dataOffset, int dataLength) {

    public static final int MAIN_FORK = 0;

    /** Whether replay writes the whole page, whatever was there: it applies an image, or makes the page anew. */
    public boolean writesWholePage() {
        return willInit || image.filter(PageImage::applied).isPresent();
    }
}
