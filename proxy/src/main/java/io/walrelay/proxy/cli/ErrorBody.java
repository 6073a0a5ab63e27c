package io.walrelay.proxy.cli;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The one line that the HTTP port says when it refuses: text, or JSON with a field {@code error}. */
final class ErrorBody {

    private static final int LONGEST = 500;

    private ErrorBody() {}

    static String text(String body) {
        try {
            JsonNode error = JsonMapper.shared().readTree(body).path("error");
            if (error.isString()) {
                return error.asString();
            }
        } catch (JacksonException e) {
            return plain(body); // Text, then.
        }
        return plain(body);
    }

    /** Whoever answered need not be a relay: on one line, without control characters. */
    private static String plain(String body) {
        String line = body.strip().replaceAll("\\p{Cntrl}+", " ");
        return line.length() > LONGEST ? line.substring(0, LONGEST) + " …" : line;
    }
}
