package io.walrelay.proxy.dashboard;

import io.walrelay.proxy.demo.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import tools.jackson.databind.JsonNode;

/** A page of the {@link Browser}, used as a person would: looked at, and typed on. Confined to its test. */
final class Page {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Browser browser;
    private final Optional<String> session;

    /** What the browser complained of: exceptions, errors on the console, files that did not come, what the policy of the page forbids. */
    private final List<String> complaints = new CopyOnWriteArrayList<>();

    Page(Browser browser, String session) {
        this.browser = browser;
        this.session = Optional.of(session);
    }

    void begin() {
        List.of("Page.enable", "Runtime.enable", "Log.enable", "Page.bringToFront").forEach(method -> call(method, Map.of()));
        call("Emulation.setFocusEmulationEnabled", Map.of("enabled", true));
    }

    private JsonNode call(String method, Map<String, ?> parameters) {
        return browser.call(session, method, parameters);
    }

    /** On the browser's thread. */
    void happened(JsonNode message) {
        if (!message.path("sessionId").asString("").equals(session.orElseThrow())) {
            return;
        }
        JsonNode what = message.path("params");
        switch (message.path("method").asString("")) {
            case "Runtime.exceptionThrown" -> complaints.add(what.path("exceptionDetails").toString());
            case "Runtime.consoleAPICalled" -> complain(what.path("type").asString("").equals("error"), what.path("args"));
            case "Log.entryAdded" -> complain(what.path("entry").path("level").asString("").equals("error"), what.path("entry"));
            default -> {}
        }
    }

    private void complain(boolean matters, JsonNode what) {
        if (matters) {
            complaints.add(what.toString());
        }
    }

    /** So far. */
    List<String> complaints() {
        return List.copyOf(complaints);
    }

    /** From here on. */
    void forgetComplaints() {
        complaints.clear();
    }

    Page size(int width, int height) {
        call("Emulation.setDeviceMetricsOverride", Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 500));
        return this;
    }

    Page dark(boolean dark) {
        call("Emulation.setEmulatedMedia", Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
        return this;
    }

    void go(String url) {
        call("Page.navigate", Map.of("url", url));
    }

    /** The value of an expression; of a promise, what it comes to. */
    JsonNode evaluate(String expression) {
        JsonNode result = call("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true, "awaitPromise", true));
        if (result.has("exceptionDetails")) {
            throw new AssertionError("%s: %s".formatted(expression, result.get("exceptionDetails")));
        }
        return result.path("result").path("value");
    }

    /** The text of the first element that {@code selector} finds, as far as it is to be seen; empty when there is none. */
    String text(String selector) {
        return evaluate("(found => found?.checkVisibility() ? found.innerText : '')(document.querySelector(%s))".formatted(quoted(selector))).asString();
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    /** Waits until the text of {@code selector} has {@code part}. */
    void awaitText(String selector, String part) {
        try {
            Await.until("\"%s\" in %s".formatted(part, selector), LIMIT, () -> text(selector), text -> text.contains(part));
        } catch (Await.TimedOut e) {
            throw new AssertionError("%s; complaints: %s; the page: %s".formatted(e.getMessage(), complaints, text("body")), e);
        }
    }

    /** Presses a key that has a name: Tab, Enter, Escape. */
    void press(String key) {
        int code = switch (key) {
            case "Tab" -> 9;
            case "Enter" -> 13;
            case "Escape" -> 27;
            default -> throw new IllegalArgumentException("no key " + key);
        };
        String text = key.equals("Enter") ? "\r" : "";
        call("Input.dispatchKeyEvent", Map.of("type", text.isEmpty() ? "rawKeyDown" : "keyDown", "key", key, "code", key, "windowsVirtualKeyCode", code, "text", text));
        call("Input.dispatchKeyEvent", Map.of("type", "keyUp", "key", key, "code", key, "windowsVirtualKeyCode", code));
    }

    /** Moves the mouse into the first element that {@code selector} finds, {@code across} of its width from the left. */
    void point(String selector, double across) {
        JsonNode box = evaluate("(found => { found.scrollIntoView({block: 'center'}); return found.getBoundingClientRect().toJSON(); })(document.querySelector(%s))"
                .formatted(quoted(selector)));
        double x = box.get("x").asDouble() + across * box.get("width").asDouble();
        double y = box.get("y").asDouble() + box.get("height").asDouble() / 2;
        call("Input.dispatchMouseEvent", Map.of("type", "mouseMoved", "x", x, "y", y));
    }

    void type(String text) {
        call("Input.insertText", Map.of("text", text));
    }

    /** A picture of the whole page. */
    void shoot(Path file) {
        JsonNode size = call("Page.getLayoutMetrics", Map.of()).get("cssContentSize");
        Map<String, ?> clip = Map.of("x", 0, "y", 0, "width", size.get("width").asDouble(), "height", size.get("height").asDouble(), "scale", 1);
        JsonNode picture = call("Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", true, "clip", clip));
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.write(file, Base64.getDecoder().decode(picture.get("data").asString()));
        } catch (IOException e) {
            throw new UncheckedIOException("could not write " + file, e);
        }
    }
}
