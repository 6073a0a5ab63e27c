package io.walrelay.proxy.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.testkit.Promtool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The alert rules, by Prometheus' own checker, and what they say to whoever is woken by them. */
final class AlertsTest {

    private static final Path TESTS = Alerts.DIRECTORY.resolve("alerts-test.yaml");

    @Test
    void prometheusTakesThem() {
        String said = Promtool.run("", "check", "rules", Alerts.FILE.toString()).orFail();
        assertTrue(said.contains("SUCCESS"), said);
    }

    @Test
    void theyFireWhenTheyShouldAndNotBefore() {
        String said = Promtool.run("", "test", "rules", TESTS.toString()).orFail();
        assertTrue(said.contains("SUCCESS"), said);
    }

    @Test
    void eachHasATestOfItsOwn() throws IOException {
        Set<String> tested = Pattern.compile("(?m)^ +- name: (\\w+)$").matcher(Files.readString(TESTS)).results().map(m -> m.group(1)).collect(Collectors.toSet());
        assertEquals(names(), new TreeSet<>(tested));
    }

    @Test
    void eachSaysWhatItIsAboutAndWhereToReadOn() throws IOException {
        for (Alerts.Alert alert : Alerts.read().all()) {
            assertTrue(Set.of("critical", "warning").contains(alert.severity()), alert::toString);
            // A relay that is no target any more has no instance, only a job.
            String whose = alert.name().equals("WalrelayGone") ? "{{ $labels.job }}" : "{{ $labels.instance }}";
            assertTrue(alert.texts().contains(whose), alert::toString);
            assertFalse(alert.description().isEmpty(), alert::toString);
            assertEquals("docs/operate.md#" + alert.name().toLowerCase(Locale.ROOT), alert.runbook());
        }
    }

    /** As GitHub makes anchors of headings. */
    @Test
    void theManualHasASectionForEachAndForNoOther() throws IOException {
        Set<String> sections = Pattern.compile("(?m)^### (Walrelay\\w+)$")
                .matcher(Files.readString(Path.of("../docs/operate.md")))
                .results()
                .map(m -> m.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(names(), sections);
    }

    @Test
    void theChartHasTheSame() throws IOException {
        for (String file : List.of("alerts.yaml", "dashboard.json")) {
            assertEquals(
                    Files.readString(Alerts.DIRECTORY.resolve(file)),
                    Files.readString(Path.of("../helm/prometheus").resolve(file)),
                    "helm/prometheus/%1$s is a copy, since a chart has only its own files; this makes it anew: cp docs/prometheus/%1$s helm/prometheus/".formatted(file));
        }
    }

    private static Set<String> names() throws IOException {
        return Alerts.read().all().stream().map(Alerts.Alert::name).collect(Collectors.toCollection(TreeSet::new));
    }
}
