package io.walrelay.wal.format;

import org.jspecify.annotations.Nullable;

/**
 * Which relation's files a record is about (PostgreSQL: relfilelocator.h, RelFileLocator). Each is 32 bits unsigned.
 *
 * @param tablespace OID
 * @param database OID, 0 for shared relations
 * @param relation file number, which is not the relation's OID
 */
public record RelationFile(int tablespace, int database, int relation) {

    static final int SIZE = 12;

    static RelationFile parse(byte[] bytes, int offset) {
        return new RelationFile(LittleEndian.getInt(bytes, offset), LittleEndian.getInt(bytes, offset + 4), LittleEndian.getInt(bytes, offset + 8));
    }

    // The record's own would go by method handles, which are slow at first (docs/architecture.md, "Rewind: its start").
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof RelationFile file && file.relation == relation && file.database == database && file.tablespace == tablespace;
    }

    @Override
    public int hashCode() {
        return (31 * tablespace + database) * 31 + relation;
    }

    /** As pg_waldump prints it: {@code 1663/5/16384}. */
    @Override
    public String toString() {
        return "%s/%s/%s".formatted(Integer.toUnsignedString(tablespace), Integer.toUnsignedString(database), Integer.toUnsignedString(relation));
    }
}
