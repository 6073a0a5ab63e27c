package io.walrelay.wal.format;

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

    /** As pg_waldump prints it: {@code 1663/5/16384}. */
    @Override
    public String toString() {
        return "%s/%s/%s".formatted(Integer.toUnsignedString(tablespace), Integer.toUnsignedString(database), Integer.toUnsignedString(relation));
    }
}
