package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.walrelay.cache.WalFile;
import io.walrelay.proxy.shaping.RateLimit;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The answer to a request for a file, or for something else that is long. */
sealed interface WalReply {

    /** One that is whole when it is sent. */
    record Plain(Reply reply) implements WalReply {}

    /**
     * A file, or some of its bytes; whoever sends it closes it.
     *
     * @param rate how fast, if that is limited
     */
    record File(HttpResponseStatus status, WalFile file, ByteRange range, Map<String, String> headers, Optional<RateLimit> rate) implements WalReply {}

    /** An answer that is made while it is sent. Whoever has it closes it; for one thread after the other. */
    interface Pieces extends AutoCloseable {

        /** Blocks. Empty when there are no more. */
        Optional<byte[]> next() throws IOException;

        @Override
        void close();
    }

    /** Lines of JSON. */
    record Lines(Pieces pieces) implements WalReply {}

    /** Answers with a file, as the conditions in the request's headers have it (RFC 9110, 13). Closes it when none of it is sent. */
    static WalReply of(WalFile file, Call call, Optional<RateLimit> rate) {
        HttpHeaders asked = call.headers();
        long length = file.content().length();
        Optional<String> etag = file.checksum().map("\"%08x\""::formatted);
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("accept-ranges", "bytes");
        headers.put("cache-control", "no-cache");
        headers.put("x-walrelay-tier", file.tier().name().toLowerCase(Locale.ROOT));
        etag.ifPresent(tag -> headers.put("etag", tag));
        file.end().ifPresent(end -> headers.put("x-walrelay-end", end.toString()));
        if (etag.isPresent() && names(asked.get(HttpHeaderNames.IF_NONE_MATCH, ""), etag.get())) {
            file.close();
            headers.put("content-length", Long.toString(length));
            return new Plain(new Reply(HttpResponseStatus.NOT_MODIFIED, "application/octet-stream", "", headers));
        }
        String range = asked.get(HttpHeaderNames.RANGE, "");
        String ifRange = asked.get(HttpHeaderNames.IF_RANGE);
        boolean whole = range.isEmpty() || !call.method().equals(HttpMethod.GET) || (ifRange != null && !etag.equals(Optional.of(ifRange.strip())));
        return switch (whole ? new ByteRange.Asked.All() : ByteRange.parse(range, length)) {
            case ByteRange.Asked.All() -> new File(HttpResponseStatus.OK, file, new ByteRange(0, length), headers, rate);
            case ByteRange.Asked.Part(var part) -> {
                headers.put("content-range", part.of(length));
                yield new File(HttpResponseStatus.PARTIAL_CONTENT, file, part, headers, rate);
            }
            case ByteRange.Asked.Outside() -> {
                file.close();
                String text = "range %s lies outside; expected bytes of %d".formatted(range, length);
                yield new Plain(Reply.error(HttpResponseStatus.REQUESTED_RANGE_NOT_SATISFIABLE, call.path(), text).with("content-range", "bytes */" + length));
            }
        };
    }

    /** The weak comparison that If-None-Match asks for. */
    private static boolean names(String header, String etag) {
        return header.strip().equals("*") || Arrays.stream(header.split(",", -1)).map(tag -> tag.strip().replaceFirst("^W/", "")).anyMatch(etag::equals);
    }
}
