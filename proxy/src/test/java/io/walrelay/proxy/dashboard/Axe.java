package io.walrelay.proxy.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.JsonNode;

/** axe-core, which finds what keeps people with an impairment from using a page. */
final class Axe {

    private static final String SCRIPT = "/META-INF/resources/webjars/axe-core/4.6.3/axe.min.js";

    private Axe() {}

    /** No finding is serious or worse. */
    static void assertAccessible(String what, Page page) {
        if (page.evaluate("typeof axe").asString().equals("undefined")) {
            page.evaluate(script() + ";0");
        }
        JsonNode found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)");
        List<String> serious = new ArrayList<>();
        for (JsonNode violation : found) {
            if (List.of("serious", "critical").contains(violation.path("impact").asString(""))) {
                violation.get("nodes").forEach(node -> serious.add("%s: %s: %s".formatted(violation.get("id").asString(), node.get("html"), node.get("failureSummary"))));
            }
        }
        assertEquals(List.of(), serious, what);
    }

    private static String script() {
        try (InputStream file = Objects.requireNonNull(Axe.class.getResourceAsStream(SCRIPT), SCRIPT)) {
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("could not read " + SCRIPT, e);
        }
    }
}
