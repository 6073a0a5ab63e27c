package io.walrelay.proxy.config;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A host name or address with a port: {@code relay:6433}, {@code 127.0.0.1:6433}, {@code [::1]:6433}. The host of an IPv6
 * address has no brackets here. Port 0 lets the system choose a free one.
 */
public record HostPort(String host, int port) {

    /** What a text has to look like, for the error messages of those who read one. */
    public static final String EXPECTED = "HOST:PORT with a port from 0 to 65535, like 127.0.0.1:6433 or [::1]:6433";

    private static final Pattern FORM = Pattern.compile("(?:\\[([0-9A-Fa-f:.]+(?:%[\\w.-]+)?)]|([\\w.-]+)):(\\d{1,5})");

    private static final Pattern IPV4_LOOPBACK = Pattern.compile("127\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}");

    public HostPort {
        if (host.isEmpty() || port < 0 || port > 65_535) {
            throw new IllegalArgumentException("not an address: \"%s:%d\"; expected %s".formatted(host, port, EXPECTED));
        }
    }

    /**
     * Reads the written form.
     *
     * @throws IllegalArgumentException if {@code text} is not of that form
     */
    public static HostPort parse(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches() || Integer.parseInt(form.group(3)) > 65_535) {
            throw new IllegalArgumentException("not an address: \"%s\"; expected %s".formatted(text, EXPECTED));
        }
        String host = form.group(1) != null ? form.group(1) : form.group(2);
        return new HostPort(host, Integer.parseInt(form.group(3)));
    }

    /** Whether only this machine can reach it. Names are not looked up: another name than localhost counts as reachable. */
    public boolean isLoopback() {
        return host.equalsIgnoreCase("localhost") || IPV4_LOOPBACK.matcher(host).matches() || host.equals("::1");
    }

    @Override
    public String toString() {
        return host.indexOf(':') >= 0 ? "[%s]:%d".formatted(host, port) : host + ":" + port;
    }
}
