package io.walrelay.proxy.console.sql;

import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The types that there are, with PostgreSQL's OID, size and name (pg_type.dat), and what a value of each is in Java. NULL is null, whatever its type.
 *
 * <pre>
 *   BOOL Boolean   INT4 Integer   INT8, OID, XID Long   FLOAT8 Double   NUMERIC BigDecimal   TEXT, NAME, JSON, UNKNOWN String
 *   INET InetAddress   TIMESTAMPTZ Instant, in microseconds   INTERVAL {@link Interval}   PG_LSN Lsn   RECORD {@link RowValue}   VOID ""
 * </pre>
 */
public enum SqlType {
    BOOL(16, 1, "boolean", "bool"),
    NAME(19, 64, "name", "name"),
    INT8(20, 8, "bigint", "int8"),
    INT4(23, 4, "integer", "int4 int"),
    TEXT(25, -1, "text", "varchar"),
    OID(26, 4, "oid", "oid"),
    XID(28, 4, "xid", "xid"),
    JSON(114, -1, "json", "json"),
    FLOAT8(701, 8, "double precision", "float8 float"),
    /** Of text, a parameter and NULL until something says what they are. */
    UNKNOWN(705, -2, "unknown", "unknown"),
    INET(869, -1, "inet", "inet"),
    TIMESTAMPTZ(1184, 8, "timestamp with time zone", "timestamptz"),
    INTERVAL(1186, 16, "interval", "interval"),
    NUMERIC(1700, -1, "numeric", "decimal"),
    RECORD(2249, -1, "record", "record"),
    VOID(2278, 4, "void", "void"),
    PG_LSN(3220, 8, "pg_lsn", "pg_lsn");

    private static final int VARCHAR_OID = 1043;
    private static final List<SqlType> NUMBERS = List.of(INT4, INT8, NUMERIC, FLOAT8);
    private static final Map<String, SqlType> BY_NAME = new HashMap<>();

    static {
        for (SqlType type : List.of(BOOL, NAME, INT8, INT4, TEXT, OID, XID, FLOAT8, INET, TIMESTAMPTZ, INTERVAL, NUMERIC, PG_LSN)) {
            BY_NAME.put(type.title, type);
            for (String alias : type.aliases.split(" ", -1)) {
                BY_NAME.put(alias, type);
            }
        }
    }

    private final int oid;
    private final short size;
    private final String title;
    /** Further names, with blanks between them. */
    private final String aliases;

    SqlType(int oid, int size, String title, String aliases) {
        this.oid = oid;
        this.size = (short) size;
        this.title = title;
        this.aliases = aliases;
    }

    public int oid() {
        return oid;
    }

    public short size() {
        return size;
    }

    /** A value of type INTERVAL. */
    public static Object interval(Duration duration) {
        return Interval.of(duration);
    }

    /** The type that a cast names. */
    static Optional<SqlType> named(String name) {
        return Optional.ofNullable(BY_NAME.get(name));
    }

    /** The type of a parameter; empty when it is none of ours. */
    public static Optional<SqlType> ofOid(int oid) {
        return Arrays.stream(values()).filter(type -> type.oid == (oid == VARCHAR_OID ? TEXT.oid : oid)).findFirst();
    }

    /** As pg_type.typname has it. */
    String catalogName() {
        return this == TEXT ? title : aliases.split(" ", -1)[0];
    }

    boolean isNumber() {
        return NUMBERS.contains(this);
    }

    boolean isText() {
        return this == TEXT || this == NAME || this == UNKNOWN;
    }

    /** Of two numbers, the type that can hold both. */
    static SqlType wider(SqlType a, SqlType b) {
        return NUMBERS.indexOf(a) >= NUMBERS.indexOf(b) ? a : b;
    }

    /** Whether a value may stand where one of {@code target} is wanted, without a cast. */
    boolean becomes(SqlType target) {
        return this == target
                || this == UNKNOWN
                || (isNumber() && target.isNumber() && wider(this, target) == target)
                || (this == NAME && target == TEXT)
                || ((this == INT4 || this == INT8) && target == OID);
    }

    /** PostgreSQL's name for it, as in errors. */
    @Override
    public String toString() {
        return title;
    }
}
