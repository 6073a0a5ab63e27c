package io.walrelay.protocol.message;

/** Major and minor version of the protocol: 3.0, or 3.2 from PostgreSQL 18 on (pqcomm.h). */
public record ProtocolVersion(int major, int minor) implements Comparable<ProtocolVersion> {

    public static final ProtocolVersion V3_0 = new ProtocolVersion(3, 0);
    public static final ProtocolVersion V3_2 = new ProtocolVersion(3, 2);

    public static ProtocolVersion ofCode(int code) {
        return new ProtocolVersion(code >>> 16, code & 0xFFFF);
    }

    public int code() {
        return major << 16 | minor;
    }

    @Override
    public int compareTo(ProtocolVersion other) {
        return Integer.compareUnsigned(code(), other.code());
    }

    @Override
    public String toString() {
        return major + "." + minor;
    }
}
