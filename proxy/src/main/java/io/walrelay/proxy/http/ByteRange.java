package io.walrelay.proxy.http;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which bytes of a file are sent (RFC 9110, 14).
 *
 * @param from the first
 */
record ByteRange(long from, long length) {

    private static final Pattern FORM = Pattern.compile("bytes=(?<from>\\d{0,18})-(?<to>\\d{0,18})");

    /** The answer to a header Range. */
    sealed interface Asked {
        /** Not a single range of bytes: it is as if the header were not there. */
        record All() implements Asked {}

        record Part(ByteRange range) implements Asked {}

        /** 416. */
        record Outside() implements Asked {}
    }

    static Asked parse(String header, long length) {
        Matcher m = FORM.matcher(header);
        if (!m.matches() || (m.group("from").isEmpty() && m.group("to").isEmpty())) {
            return new Asked.All();
        }
        if (m.group("from").isEmpty()) {
            long last = Math.min(Long.parseLong(m.group("to")), length);
            return last == 0 ? new Asked.Outside() : new Asked.Part(new ByteRange(length - last, last));
        }
        long from = Long.parseLong(m.group("from"));
        long to = m.group("to").isEmpty() ? length - 1 : Long.parseLong(m.group("to"));
        if (to < from && !m.group("to").isEmpty()) {
            return new Asked.All();
        }
        return from >= length ? new Asked.Outside() : new Asked.Part(new ByteRange(from, Math.min(to, length - 1) - from + 1));
    }

    /** As the header Content-Range has it. */
    String of(long whole) {
        return "bytes %d-%d/%d".formatted(from, from + length - 1, whole);
    }
}
