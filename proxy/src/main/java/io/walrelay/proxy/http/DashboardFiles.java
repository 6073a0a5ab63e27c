package io.walrelay.proxy.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** The dashboard's files, as they are in this package's folder {@code dashboard}: the same for everybody, with nothing of the relay in them. */
final class DashboardFiles {

    private static final String PAGE = "index.html";

    /** The folder of a jar can't be listed. */
    private static final List<String> NAMES = List.of(
            PAGE, "style.css", "icon.svg", "app.js", "charts.js", "downstream.js", "events.js", "format.js", "html.js", "live.js", "past.js", "picture.js", "standbys.js", "storage.js",
            "timelines.js", "wal.js", "why.js", "uplot/uPlot.iife.min.js", "uplot/uPlot.min.css", "uplot/LICENSE");

    /** Nothing from elsewhere, nothing inline, in nobody's frame: names that strangers chose can't become code. */
    private static final String POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

    private static final Map<String, File> FILES = NAMES.stream().collect(Collectors.toUnmodifiableMap(name -> name, File::read));

    private record File(String type, String text, String tag) {

        static File read(String name) {
            try (InputStream file = Objects.requireNonNull(DashboardFiles.class.getResourceAsStream("dashboard/" + name), name)) {
                byte[] bytes = file.readAllBytes();
                String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)).substring(0, 16);
                return new File(type(name), new String(bytes, StandardCharsets.UTF_8), '"' + hash + '"');
            } catch (IOException e) {
                throw new UncheckedIOException("could not read dashboard/" + name, e);
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every Java platform has SHA-256", e);
            }
        }

        private static String type(String name) {
            String kind = switch (name.substring(name.lastIndexOf('.') + 1)) {
                case "html" -> "text/html";
                case "css" -> "text/css";
                case "js" -> "text/javascript";
                case "svg" -> "image/svg+xml";
                default -> "text/plain";
            };
            return kind + "; charset=utf-8";
        }
    }

    private DashboardFiles() {}

    /** The page itself. */
    static Reply page(Call call) {
        return answer(call, PAGE);
    }

    /** A file that the page asks for. */
    static Reply answer(Call call, String name) {
        File file = FILES.get(name);
        if (file == null) {
            return Reply.error(HttpResponseStatus.NOT_FOUND, call.path(), "the dashboard has no file of that name; expected one of " + String.join(", ", NAMES));
        }
        boolean known = Arrays.asList(call.headers().get(HttpHeaderNames.IF_NONE_MATCH, "").split(" *, *", -1)).contains(file.tag());
        Reply reply = known ? Reply.of(HttpResponseStatus.NOT_MODIFIED, file.type(), "") : Reply.of(HttpResponseStatus.OK, file.type(), file.text());
        // Asked for each time, and sent once: after an upgrade nobody has half of the old page.
        return reply.with("etag", file.tag())
                .with("cache-control", "no-cache")
                .with("content-security-policy", POLICY)
                .with("referrer-policy", "no-referrer");
    }
}
