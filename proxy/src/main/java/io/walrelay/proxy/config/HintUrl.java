package io.walrelay.proxy.config;

import java.net.URI;

/**
 * Whom to ask which host is the primary. With {@code {host}} in it each host is asked for itself, as Patroni's {@code GET /primary} is;
 * without, one answer names the host, as that of {@code GET /cluster} does.
 */
public record HintUrl(String text) {

    private static final String HOST = "{host}";

    /** Reads the value of {@code upstream.hint}; throws IllegalArgumentException if it is none. */
    static HintUrl parse(String text) {
        URI url = URI.create(text.replace(HOST, "host"));
        boolean http = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
        if (!http || url.getHost() == null || url.getUserInfo() != null) {
            throw new IllegalArgumentException("not an HTTP address, or one with a user");
        }
        return new HintUrl(text);
    }

    public boolean asksEachHost() {
        return text.contains(HOST);
    }

    /**
     * Where to ask {@code host}; the same for all, unless each is asked.
     *
     * @throws IllegalArgumentException if it can't be part of a URL
     */
    public URI of(String host) {
        URI url = URI.create(text.replace(HOST, host.indexOf(':') >= 0 ? "[" + host + "]" : host));
        if (url.getHost() == null) {
            throw new IllegalArgumentException("\"%s\" is no host name for a URL".formatted(host));
        }
        return url;
    }

    boolean isEncrypted() {
        return text.startsWith("https:");
    }

    @Override
    public String toString() {
        return text;
    }
}
