package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpMethod;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What the port has, by path. A new one is a constant here and a case in {@link Api}. */
enum Endpoint {
    PAGE("/", Audience.EVERYBODY, "GET, HEAD"),
    PAGE_FILE("/dashboard/{name}", Audience.EVERYBODY, "GET, HEAD"),
    HEALTHZ("/healthz", Audience.EVERYBODY, "GET, HEAD"),
    READYZ("/readyz", Audience.EVERYBODY, "GET, HEAD"),
    METRICS("/metrics", Audience.EVERYBODY, "GET, HEAD"),
    STATUS("/api/v1/status", Audience.THE_ADMITTED, "GET, HEAD"),
    STANDBYS("/api/v1/standbys", Audience.THE_ADMITTED, "GET, HEAD"),
    PROMOTABLE("/api/v1/standbys/{name}/promotable", Audience.THE_ADMITTED, "GET, HEAD"),
    WHY("/api/v1/standbys/{name}/why", Audience.THE_ADMITTED, "GET, HEAD"),
    STANDBY("/api/v1/standbys/{name}", Audience.THE_ADMITTED, "POST"),
    SLOTS("/api/v1/slots", Audience.THE_ADMITTED, "GET, HEAD, POST"),
    SLOT("/api/v1/slots/{name}", Audience.THE_ADMITTED, "PUT, POST, DELETE"),
    PEER("/api/v1/peer", Audience.THE_ADMITTED, "GET, HEAD"),
    UPSTREAM("/api/v1/upstream", Audience.THE_ADMITTED, "GET, HEAD, POST"),
    RELOAD("/api/v1/reload", Audience.THE_ADMITTED, "POST"),
    TIMELINES("/api/v1/timelines", Audience.THE_ADMITTED, "GET, HEAD"),
    TIERS("/api/v1/tiers", Audience.THE_ADMITTED, "GET, HEAD"),
    HISTORY("/api/v1/history", Audience.THE_ADMITTED, "GET, HEAD"),
    EVENTS("/api/v1/events", Audience.THE_ADMITTED, "GET, HEAD"),
    PINS("/api/v1/pins", Audience.THE_ADMITTED, "GET, HEAD"),
    PIN("/api/v1/pins/{name}", Audience.THE_ADMITTED, "PUT, DELETE"),
    CHANGES("/api/v1/changes", Audience.THE_ADMITTED, "GET, HEAD"),
    SEGMENTS("/api/v1/segments", Audience.THE_ADMITTED, "GET, HEAD"),
    LSN("/api/v1/lsn", Audience.THE_ADMITTED, "GET, HEAD"),
    STATS("/api/v1/stats", Audience.THE_ADMITTED, "GET, HEAD"),
    RESTORE_SH("/restore.sh", Audience.THE_ADMITTED, "GET, HEAD"),
    WAL("/wal", Audience.THE_ADMITTED, "GET, HEAD"),
    WAL_FILE("/wal/{name}", Audience.THE_ADMITTED, "GET, HEAD, PUT");

    private static final String PARAMETER = "{";
    private static final String PARAMETER_END = "}";

    /** Who may ask for it. */
    enum Audience {
        /** Kubernetes and Prometheus come without a token, and so does a browser; the dashboard's files have nothing of the relay in them. */
        EVERYBODY,
        /** As {@link Access} decides. */
        THE_ADMITTED
    }

    private final String path;
    private final Audience audience;
    private final String methods;

    Endpoint(String path, Audience audience, String methods) {
        this.path = path;
        this.audience = audience;
        this.methods = methods;
    }

    static Optional<Endpoint> at(String path) {
        return Arrays.stream(values()).filter(e -> e.isAt(path)).findFirst();
    }

    /** Whatever stands for a parameter, slashes too, is for the endpoint to judge. */
    private boolean isAt(String other) {
        int parameter = path.indexOf(PARAMETER);
        return parameter < 0
                ? path.equals(other)
                : other.length() >= parameter + afterParameter().length() && other.startsWith(path.substring(0, parameter)) && other.endsWith(afterParameter());
    }

    /** What stands for the parameter in a path that is this one's. */
    String parameterOf(String at) {
        return at.substring(path.indexOf(PARAMETER), at.length() - afterParameter().length());
    }

    private String afterParameter() {
        return path.substring(path.indexOf(PARAMETER_END) + 1);
    }

    /** All paths, for the message that a wrong one gets. */
    static String paths() {
        return Arrays.stream(values()).map(e -> e.path).collect(Collectors.joining(", "));
    }

    Audience audience() {
        return audience;
    }

    boolean takes(HttpMethod method) {
        return List.of(methods.split(", ", -1)).contains(method.name());
    }

    /** As the header Allow lists them. */
    String allow() {
        return methods;
    }
}
