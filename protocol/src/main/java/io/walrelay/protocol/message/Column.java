package io.walrelay.protocol.message;

/**
 * A column of a result; types by their OID (pg_type.dat).
 *
 * @param format 0 for text, 1 for binary
 */
public record Column(String name, int typeOid, short typeSize, short format) {

    /** One in text format. */
    public Column(String name, int typeOid, short typeSize) {
        this(name, typeOid, typeSize, (short) 0);
    }

    public static Column text(String name) {
        return new Column(name, 25, (short) -1);
    }

    public static Column int4(String name) {
        return new Column(name, 23, (short) 4);
    }

    public static Column int8(String name) {
        return new Column(name, 20, (short) 8);
    }

    public static Column bytea(String name) {
        return new Column(name, 17, (short) -1);
    }
}
