package io.walrelay.cache.archive;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Where an archive is, as {@code archive.url} says it. */
public sealed interface ArchiveLocation {

    /** {@code file:///PATH}. */
    record Directory(Path path) implements ArchiveLocation {}

    /**
     * {@code s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path-style=true}. Credentials come from where Amazon's own tools look for them.
     *
     * @param prefix what all keys begin with, without {@code /} at either end; may be empty
     * @param endpoint of another service than Amazon's
     * @param pathStyle whether the bucket is named in the path and not in the host; the default for other services than Amazon's
     */
    record S3(String bucket, String prefix, Optional<URI> endpoint, Optional<String> region, boolean pathStyle) implements ArchiveLocation {}

    Set<String> S3_PARAMETERS = Set.of("endpoint", "region", "path-style");

    /** @throws IllegalArgumentException with what is wrong and what was expected */
    static ArchiveLocation parse(String url) {
        URI uri;
        try {
            uri = URI.create(url);
        } catch (IllegalArgumentException e) {
            throw refusal(url, e.getMessage(), e);
        }
        return switch (String.valueOf(uri.getScheme())) {
            case "file" -> directory(url, uri);
            case "s3" -> s3(url, uri);
            default -> throw refusal(url, "unknown kind of archive", null);
        };
    }

    private static ArchiveLocation directory(String url, URI uri) {
        if ((uri.getAuthority() != null && !uri.getAuthority().isEmpty()) || uri.getPath() == null || !uri.getPath().startsWith("/") || uri.getQuery() != null) {
            throw refusal(url, "not an absolute path", null);
        }
        return new Directory(Path.of(uri.getPath()));
    }

    private static ArchiveLocation s3(String url, URI uri) {
        String bucket = uri.getAuthority();
        if (bucket == null || !bucket.matches("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")) {
            throw refusal(url, "no bucket's name", null);
        }
        String prefix = String.valueOf(uri.getPath()).replaceAll("^/+|/+$", "");
        if (!prefix.isEmpty()) {
            ObjectKeys.require(prefix);
        }
        Map<String, String> parameters = parameters(url, uri);
        Optional<URI> endpoint = Optional.ofNullable(parameters.get("endpoint")).map(text -> endpoint(url, text));
        boolean pathStyle = switch (parameters.getOrDefault("path-style", String.valueOf(endpoint.isPresent()))) {
            case "true" -> true;
            case "false" -> false;
            default -> throw refusal(url, "path-style is neither true nor false", null);
        };
        return new S3(bucket, prefix, endpoint, Optional.ofNullable(parameters.get("region")), pathStyle);
    }

    private static URI endpoint(String url, String text) {
        try {
            URI endpoint = URI.create(text);
            if (Set.of("http", "https").contains(String.valueOf(endpoint.getScheme())) && endpoint.getHost() != null) {
                return endpoint;
            }
        } catch (IllegalArgumentException e) {
            throw refusal(url, "endpoint: " + e.getMessage(), e);
        }
        throw refusal(url, "endpoint is not a URL of http or https", null);
    }

    private static Map<String, String> parameters(String url, URI uri) {
        Map<String, String> parameters = new LinkedHashMap<>();
        String query = uri.getRawQuery();
        for (String pair : query == null ? new String[0] : query.split("&", -1)) {
            String[] parts = pair.split("=", 2);
            if (parts.length != 2 || !S3_PARAMETERS.contains(parts[0])) {
                throw refusal(url, "unknown parameter \"%s\"".formatted(parts[0]), null);
            }
            parameters.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        return parameters;
    }

    private static IllegalArgumentException refusal(String url, @org.jspecify.annotations.Nullable String why, @org.jspecify.annotations.Nullable Throwable cause) {
        return new IllegalArgumentException(
                "not an archive's URL: \"%s\": %s; expected file:///PATH or s3://BUCKET/PREFIX, for other services than Amazon's with ?endpoint=URL".formatted(url, why),
                cause);
    }

    /** Opens it; connects to nothing yet. */
    default ObjectStore open() {
        return switch (this) {
            case Directory(var path) -> new DirectoryStore(path);
            case S3 s3 -> S3Store.open(s3);
        };
    }
}
