package io.walrelay.proxy.conninfo;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The two forms of a connection string, as libpq reads them (fe-connect.c: conninfo_parse, conninfo_uri_parse_options).
 * Yields keywords and values in order; of a keyword given twice the last value holds. A text that can't be cut into
 * keywords and values ends at its first problem, since all behind it is guesswork. No message quotes a value: any of
 * them may be a password.
 */
final class ConninfoSyntax {

    private static final List<String> URI_PREFIXES = List.of("postgresql://", "postgres://");

    private final String text;
    private final Map<String, String> values = new LinkedHashMap<>();
    private int at;

    private ConninfoSyntax(String text) {
        this.text = text;
    }

    static Map<String, String> parse(String text) {
        ConninfoSyntax syntax = new ConninfoSyntax(text);
        if (text.indexOf('\0') >= 0) {
            throw problem("a zero byte in the connection string");
        }
        for (String prefix : URI_PREFIXES) {
            if (text.startsWith(prefix)) {
                syntax.at = prefix.length();
                syntax.uri();
                return syntax.values;
            }
        }
        syntax.keywords();
        return syntax.values;
    }

    private static InvalidConninfoException problem(String message) {
        return new InvalidConninfoException(List.of(message));
    }

    private boolean more() {
        return at < text.length();
    }

    private static boolean isSpace(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }

    private void skipSpaces() {
        while (more() && isSpace(text.charAt(at))) {
            at++;
        }
    }

    private void keywords() {
        for (skipSpaces(); more(); skipSpaces()) {
            int start = at;
            while (more() && text.charAt(at) != '=' && !isSpace(text.charAt(at))) {
                at++;
            }
            String keyword = text.substring(start, at);
            skipSpaces();
            if (!more() || text.charAt(at) != '=') {
                throw problem("missing \"=\" after \"%s\" in connection info string".formatted(printable(keyword)));
            }
            at++;
            skipSpaces();
            values.put(keyword, more() && text.charAt(at) == '\'' ? quotedValue() : plainValue());
        }
    }

    /**
     * A word without "=" is often the rest of a password that should have been quoted: only what looks like a keyword
     * is shown.
     */
    private static String printable(String keyword) {
        return ConninfoKeyword.find(keyword).isPresent() ? keyword : "…";
    }

    private String plainValue() {
        StringBuilder value = new StringBuilder();
        while (more() && !isSpace(text.charAt(at))) {
            if (text.charAt(at) == '\\') {
                at++;
                if (!more()) {
                    break;
                }
            }
            value.append(text.charAt(at++));
        }
        return value.toString();
    }

    private String quotedValue() {
        StringBuilder value = new StringBuilder();
        for (at++; more(); at++) {
            char c = text.charAt(at);
            if (c == '\'') {
                at++;
                return value.toString();
            }
            if (c == '\\' && at + 1 < text.length()) {
                c = text.charAt(++at);
            }
            value.append(c);
        }
        throw problem("unterminated quoted string in connection info string");
    }

    /** {@code postgresql://[user[:password]@][host[:port]][,…][/dbname][?keyword=value[&…]]}. */
    private void uri() {
        // User and password end at the first "@" before any "/", as in libpq: an "@" in a password must be written %40.
        int end = at;
        while (end < text.length() && text.charAt(end) != '@' && text.charAt(end) != '/') {
            end++;
        }
        if (end < text.length() && text.charAt(end) == '@') {
            String login = text.substring(at, end);
            int colon = login.indexOf(':');
            putUnlessEmpty("user", decode(colon < 0 ? login : login.substring(0, colon), "user"));
            if (colon >= 0) {
                putUnlessEmpty("password", decode(login.substring(colon + 1), "password"));
            }
            at = end + 1;
        }
        hosts();
        if (more() && text.charAt(at) == '/') {
            int query = text.indexOf('?', at);
            putUnlessEmpty("dbname", decode(text.substring(at + 1, query < 0 ? text.length() : query), "dbname"));
            at = query < 0 ? text.length() : query;
        }
        if (more()) {
            parameters(text.substring(at + 1));
        }
    }

    private void hosts() {
        StringBuilder hosts = new StringBuilder();
        StringBuilder ports = new StringBuilder();
        while (true) {
            hosts.append(host());
            if (more() && text.charAt(at) == ':') {
                int start = ++at;
                skipTo("/?,");
                ports.append(text, start, at);
            }
            if (!more() || text.charAt(at) != ',') {
                break;
            }
            at++;
            hosts.append(',');
            ports.append(',');
        }
        putUnlessEmpty("host", decode(hosts.toString(), "host"));
        putUnlessEmpty("port", decode(ports.toString(), "port"));
    }

    private String host() {
        if (!more() || text.charAt(at) != '[') {
            int start = at;
            skipTo(":/?,");
            return text.substring(start, at);
        }
        int close = text.indexOf(']', at);
        if (close < 0) {
            throw problem("end of string reached when looking for matching \"]\" in IPv6 host address in URI");
        }
        String address = text.substring(at + 1, close);
        if (address.isEmpty()) {
            throw problem("IPv6 host address may not be empty in URI");
        }
        at = close + 1;
        if (more() && ":/?,".indexOf(text.charAt(at)) < 0) {
            throw problem("unexpected character \"%c\" at position %d in URI (expected \":\" or \"/\")".formatted(text.charAt(at), at + 1));
        }
        return address;
    }

    private void skipTo(String delimiters) {
        while (more() && delimiters.indexOf(text.charAt(at)) < 0) {
            at++;
        }
    }

    private void parameters(String query) {
        if (query.isEmpty()) {
            return;
        }
        for (String parameter : query.split("&", -1)) {
            int equals = parameter.indexOf('=');
            String keyword = decode(equals < 0 ? parameter : parameter.substring(0, equals), "URI query parameter");
            if (equals < 0) {
                throw problem("missing key/value separator \"=\" in URI query parameter: \"%s\"".formatted(printable(keyword)));
            }
            if (parameter.indexOf('=', equals + 1) >= 0) {
                throw problem("extra key/value separator \"=\" in URI query parameter: \"%s\"".formatted(printable(keyword)));
            }
            String value = decode(parameter.substring(equals + 1), keyword);
            // The one keyword that only URIs know, for the sake of JDBC's.
            if (keyword.equals("ssl") && value.equals("true")) {
                values.put("sslmode", "require");
            } else {
                values.put(keyword, value);
            }
        }
    }

    private void putUnlessEmpty(String keyword, String value) {
        if (!value.isEmpty()) {
            values.put(keyword, value);
        }
    }

    /** Percent-decoding to UTF-8. A plus sign is a plus sign. */
    private static String decode(String token, String what) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(token.length());
        for (int i = 0; i < token.length(); i++) {
            char c = token.charAt(i);
            if (isSpace(c)) {
                throw problem("unexpected spaces found in %s of the URI, use percent-encoded spaces (%%20) instead".formatted(what));
            }
            if (c != '%') {
                int codePoint = token.codePointAt(i);
                bytes.writeBytes(Character.toString(codePoint).getBytes(StandardCharsets.UTF_8));
                i += Character.charCount(codePoint) - 1;
                continue;
            }
            int high = i + 1 < token.length() ? Character.digit(token.charAt(i + 1), 16) : -1;
            int low = i + 2 < token.length() ? Character.digit(token.charAt(i + 2), 16) : -1;
            if (high < 0 || low < 0) {
                throw problem("invalid percent-encoded token in %s of the URI; expected %% and two hexadecimal digits".formatted(what));
            }
            if (high == 0 && low == 0) {
                throw problem("forbidden value %%00 in percent-encoded %s of the URI".formatted(what));
            }
            bytes.write(high << 4 | low);
            i += 2;
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
        } catch (CharacterCodingException e) {
            throw problem("percent-encoded %s of the URI is not UTF-8".formatted(what));
        }
    }
}
