package io.walrelay.proxy.client;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** What came of a question for a file: at one relay, or at all of them. */
sealed interface Outcome {

    /** The file is where it was wanted. */
    record Found() implements Outcome {}

    /** It does not exist: whoever was asked has proved it. */
    record Absent() implements Outcome {}

    /** Not of the lineage that was asked for. */
    record Elsewhere(String reason) implements Outcome {}

    /** Nobody knows: the relay was not reached, could not look itself, or sent something that is not the file. */
    record Unknown(String reason, Optional<Duration> retryAfter) implements Outcome {}

    /** What one relay answered. */
    record Answer(URI relay, Outcome outcome) {}

    /** Asks one relay after the other until one has it; else what their answers mean together. */
    static Outcome ofFirst(List<URI> relays, Function<URI, Outcome> ask) {
        List<Answer> answers = new ArrayList<>();
        for (URI relay : relays) {
            Outcome outcome = ask.apply(relay);
            if (outcome instanceof Found) {
                return outcome;
            }
            answers.add(new Answer(relay, outcome));
        }
        return together(answers);
    }

    /**
     * What the answers mean together, when none is {@link Found}. Absent is only what every relay has said to be: the one that could
     * not look may be the one that has it.
     */
    static Outcome together(List<Answer> answers) {
        List<Answer> open = answers.stream().filter(answer -> !(answer.outcome() instanceof Absent)).toList();
        if (open.isEmpty()) {
            return new Absent();
        }
        String reason = open.stream().map(answer -> answer.relay() + ": " + reason(answer.outcome())).collect(Collectors.joining("; "));
        List<Unknown> unknown =
                open.stream().map(Answer::outcome).filter(Unknown.class::isInstance).map(Unknown.class::cast).toList();
        if (unknown.isEmpty()) {
            return new Elsewhere(reason);
        }
        return new Unknown(reason, unknown.stream().flatMap(u -> u.retryAfter().stream()).min(Duration::compareTo));
    }

    private static String reason(Outcome outcome) {
        return switch (outcome) {
            case Found() -> "found";
            case Absent() -> "absent";
            case Elsewhere(String reason) -> reason;
            case Unknown(String reason, Optional<Duration> _) -> reason;
        };
    }
}
