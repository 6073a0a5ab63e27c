package io.walrelay.protocol.message;

/** A column of a result, in text format; types by their OID (pg_type.dat). */
public record Column(String name, int typeOid, short typeSize) {

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
