package io.walrelay.protocol.message;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a client says in the extended query protocol, but for Sync and Flush (PostgreSQL manual, "Extended Query"). */
public sealed interface ExtendedQuery {

    /** What Describe and Close name; the byte is as on the wire. */
    enum Target {
        STATEMENT('S'),
        PORTAL('P');

        private final byte code;

        Target(char code) {
            this.code = (byte) code;
        }

        public byte code() {
            return code;
        }
    }

    /** @param parameterTypes by OID, 0 where the server is to find out; may be fewer than the parameters */
    record Parse(String statement, String sql, List<Integer> parameterTypes) implements ExtendedQuery {
        public Parse {
            parameterTypes = List.copyOf(parameterTypes);
        }
    }

    /**
     * Formats are 0 for text and 1 for binary: none for all text, one for all, or one each.
     *
     * @param values null is SQL's NULL
     */
    record Bind(String portal, String statement, List<Short> formats, List<byte @Nullable []> values, List<Short> resultFormats)
            implements ExtendedQuery {
        public Bind {
            formats = List.copyOf(formats);
            values = Collections.unmodifiableList(new ArrayList<>(values));
            resultFormats = List.copyOf(resultFormats);
        }
    }

    record Describe(Target target, String name) implements ExtendedQuery {}

    /** @param maxRows 0 for all */
    record Execute(String portal, int maxRows) implements ExtendedQuery {}

    record Close(Target target, String name) implements ExtendedQuery {}

    /** The fast path of old, which is looked into no further. */
    record FunctionCall() implements ExtendedQuery {}
}
