package io.walrelay.proxy.console.sql;

import io.walrelay.wal.Lsn;
import java.math.BigDecimal;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Values as bytes, as PostgreSQL's send and receive functions have them. */
public final class BinaryFormat {

    /** 2000-01-01, from which timestamps count. */
    private static final Instant EPOCH = Instant.parse("2000-01-01T00:00:00Z");
    private static final long MAX_UNSIGNED = 0xFFFF_FFFFL;
    /** inet.h, PGSQL_AF_INET, PGSQL_AF_INET6. */
    private static final int IPV4 = 2;
    private static final int IPV6 = 3;

    private BinaryFormat() {}

    /** @throws SqlError 42883 when the type has no such form here */
    public static byte[] write(SqlType type, Object value) {
        return switch (type) {
            case BOOL -> new byte[] {(byte) ((Boolean) value ? 1 : 0)};
            case INT4 -> ByteBuffer.allocate(4).putInt((Integer) value).array();
            case INT8 -> ByteBuffer.allocate(8).putLong((Long) value).array();
            case OID, XID -> ByteBuffer.allocate(4).putInt((int) (long) (Long) value).array();
            case FLOAT8 -> ByteBuffer.allocate(8).putDouble((Double) value).array();
            case NUMERIC -> BinaryNumeric.write((BigDecimal) value);
            case TEXT, NAME, JSON, UNKNOWN, VOID -> value.toString().getBytes(StandardCharsets.UTF_8);
            case INET -> inet((InetAddress) value);
            case TIMESTAMPTZ -> ByteBuffer.allocate(8).putLong(EPOCH.until((Instant) value, ChronoUnit.MICROS)).array();
            case INTERVAL -> interval((Interval) value);
            case PG_LSN -> ByteBuffer.allocate(8).putLong(((Lsn) value).value()).array();
            case RECORD -> throw noForm("output", type);
        };
    }

    private static SqlError noForm(String what, SqlType type) {
        return new SqlError("42883", "no binary %s function available for type %s".formatted(what, type)).withHint("ask for it in text format");
    }

    private static byte[] interval(Interval value) {
        return ByteBuffer.allocate(16).putLong(value.micros()).putInt(value.days()).putInt(value.months()).array();
    }

    private static byte[] inet(InetAddress address) {
        byte[] bytes = address.getAddress();
        int family = address instanceof Inet4Address ? IPV4 : IPV6;
        return ByteBuffer.allocate(4 + bytes.length)
                .put((byte) family)
                .put((byte) (bytes.length * 8))
                .put((byte) 0)
                .put((byte) bytes.length)
                .put(bytes)
                .array();
    }

    /** @throws SqlError 22P03, 22021 and relatives when the bytes are no value of the type */
    public static Object parse(SqlType type, byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        try {
            Object value = switch (type) {
                case BOOL -> in.get() != 0;
                case INT4 -> in.getInt();
                case INT8 -> in.getLong();
                case OID, XID -> in.getInt() & MAX_UNSIGNED;
                case FLOAT8 -> in.getDouble();
                case NUMERIC -> BinaryNumeric.read(in);
                case TEXT, NAME, UNKNOWN -> {
                    in.position(bytes.length);
                    yield text(bytes);
                }
                case INET -> inet(in);
                case TIMESTAMPTZ -> EPOCH.plus(in.getLong(), ChronoUnit.MICROS);
                case INTERVAL -> {
                    long micros = in.getLong();
                    int days = in.getInt();
                    yield new Interval(in.getInt(), days, micros);
                }
                case PG_LSN -> new Lsn(in.getLong());
                case RECORD, VOID, JSON -> throw noForm("input", type);
            };
            if (in.hasRemaining()) {
                throw new SqlError("22P03", "incorrect binary data format for type %s: %d bytes, %d too many".formatted(type, bytes.length, in.remaining()));
            }
            return value;
        } catch (BufferUnderflowException _) {
            throw new SqlError("22P03", "incorrect binary data format for type %s: %d bytes are too few".formatted(type, bytes.length));
        }
    }

    /** @throws SqlError 22021 when it is not UTF-8, or has a zero byte */
    public static String text(byte[] bytes) {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            if (text.indexOf('\0') < 0) {
                return text;
            }
        } catch (CharacterCodingException _) {
            // Refused like the zero byte.
        }
        throw new SqlError("22021", "invalid byte sequence for encoding \"UTF8\"");
    }

    private static InetAddress inet(ByteBuffer in) {
        int family = in.get();
        int bits = Byte.toUnsignedInt(in.get());
        in.get();
        int length = in.get();
        int expected = family == IPV4 ? 4 : 16;
        if ((family != IPV4 && family != IPV6) || length != expected || bits != expected * 8) {
            throw new SqlError("22P03", "incorrect binary data format for type inet; expected the address of one host");
        }
        byte[] address = new byte[length];
        in.get(address);
        return address(address);
    }

    /** @param address of 4 or 16 bytes */
    static InetAddress address(byte[] address) {
        try {
            return InetAddress.getByAddress(address);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("an address of %d bytes; expected 4 or 16".formatted(address.length), e);
        }
    }
}
