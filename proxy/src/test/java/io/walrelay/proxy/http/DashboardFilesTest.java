package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class DashboardFilesTest {

    /** What a file asks for: of the page's folder in HTML, of its own in a module. */
    private static final Pattern NAMED = Pattern.compile("(?:href|src)=\"dashboard/([^\"]+)\"|from '\\./([^']+)'");

    private static Call call(String noneMatch) {
        return new Call("http", HttpMethod.GET, "/", "", new DefaultHttpHeaders().add(HttpHeaderNames.IF_NONE_MATCH, noneMatch), "", true);
    }

    @Test
    void thePageFindsAllItsFilesAndNoneMakesElementsOfText() {
        Deque<String> files = new ArrayDeque<>(List.of("index.html"));
        Set<String> seen = new HashSet<>();
        while (!files.isEmpty()) {
            String file = files.pop();
            if (seen.add(file)) {
                Reply reply = DashboardFiles.answer(call(""), file);
                assertEquals(HttpResponseStatus.OK, reply.status(), file);
                NAMED.matcher(reply.body()).results().forEach(found -> files.push(found.group(1) == null ? found.group(2) : found.group(1)));
                boolean ours = file.endsWith(".js") && !file.contains("/");
                assertFalse(ours && Pattern.compile("innerHTML|outerHTML|insertAdjacentHTML|document\\.write|eval\\(").matcher(reply.body()).find(), file);
            }
        }
        assertTrue(seen.containsAll(List.of("app.js", "picture.js", "style.css", "icon.svg", "uplot/uPlot.iife.min.js")), seen::toString);
        assertEquals(HttpResponseStatus.OK, DashboardFiles.answer(call(""), "uplot/LICENSE").status(), "whose words uPlot comes under");
    }

    /** Else a proxy that knows its users by a cookie lets nobody in, and the browser shows the relay no certificate. */
    @Test
    void thePageShowsWhatTheBrowserKnowsTheUserBy() {
        String live = DashboardFiles.answer(call(""), "live.js").body();
        assertTrue(live.contains("credentials: 'same-origin'"), live);
    }

    @Test
    void whoHasAFileIsNotSentItAgain() {
        Reply page = DashboardFiles.page(call(""));
        assertEquals("text/html; charset=utf-8", page.contentType());
        assertTrue(page.headers().getOrDefault("content-security-policy", "").startsWith("default-src 'self';"));
        String tag = page.headers().get("etag");
        Reply known = DashboardFiles.page(call("\"other\", " + tag));
        assertEquals(HttpResponseStatus.NOT_MODIFIED, known.status());
        assertEquals("", known.body());
        assertEquals(tag, known.headers().get("etag"));
        assertEquals(HttpResponseStatus.OK, DashboardFiles.page(call("\"other\"")).status());
    }
}
