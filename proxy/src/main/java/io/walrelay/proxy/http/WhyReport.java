package io.walrelay.proxy.http;

import io.walrelay.proxy.why.Finding;
import io.walrelay.proxy.why.Why;
import java.util.List;
import java.util.Optional;

/**
 * What {@code /api/v1/standbys/{name}/why} answers.
 *
 * @param streams whether it has a stream now
 * @param causes what keeps it, what matters most first; none when nothing does
 */
public record WhyReport(String standby, boolean streams, List<Cause> causes) {

    /**
     * @param cause stable, for programs
     * @param stops whether it gets no WAL until somebody does something
     * @param command that mends it or shows more
     */
    public record Cause(String cause, boolean stops, String sentence, Optional<String> command) {

        static Cause of(Finding finding) {
            return new Cause(finding.cause(), finding.stops(), finding.sentence(), finding.command());
        }
    }

    static WhyReport of(String standby, Why why) {
        return new WhyReport(standby, why.streams(), why.findings().stream().map(Cause::of).toList());
    }
}
