package io.walrelay.proxy.upstream;

import io.walrelay.cache.EndOfWal;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.wal.Lsn;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What to do when the host that is followed has removed WAL that we need: take it from another host that has it, else go on with what is
 * left and remember the gap. Never joins over it, and never skips what a host may have that could not be asked. Confined to the control
 * thread.
 */
final class WalGap {

    /** The way on. */
    sealed interface Way {
        /** This host still has it. */
        record Elsewhere(HostAddress host) implements Way {}

        /** Nobody has it; WAL goes on at the beginning of this segment. */
        record Skip(Lsn segmentStart) implements Way {}

        /** It can't be skipped within one timeline. */
        record Decide(Stop stop) implements Way {}

        /** Not known yet: time may tell. */
        record Later(String reason) implements Way {}
    }

    /** Whether a host has the WAL that is missing. */
    enum Has {
        YES,
        NO,
        /** It could not be asked, which is no answer. */
        NOT_KNOWN
    }

    record Answer(HostAddress host, Has has) {}

    private final WalProbe wal;

    WalGap(WalProbe wal) {
        this.wal = wal;
    }

    /** @param patient whether hosts that could not be asked are still waited for */
    Way find(HostReport.Reachable host, List<HostReport> others, EndOfWal own, boolean patient) throws UpstreamException, InterruptedException {
        List<Answer> answers = new ArrayList<>();
        for (HostReport other : others) {
            if (!other.host().equals(host.host())) {
                Answer answer = new Answer(other.host(), has(other, host, own));
                answers.add(answer);
                if (answer.has() == Has.YES) {
                    break;
                }
            }
        }
        Optional<Way> told = decide(answers, patient);
        if (told.isPresent()) {
            return told.get();
        }
        Lsn position = own.written();
        Optional<Lsn> left = wal.oldest(host.host(), host.history(), host.segmentSize(), host.segmentSize().startOf(position), host.flushed());
        return left.map(at -> skip(host, own, at)).orElseGet(() -> new Way.Later("not even the WAL that is written now can be read"));
    }

    /** What the other hosts' answers say; empty when none of them can help. */
    static Optional<Way> decide(List<Answer> answers, boolean patient) {
        Optional<Way> elsewhere =
                answers.stream().filter(a -> a.has() == Has.YES).findFirst().map(a -> new Way.Elsewhere(a.host()));
        String unknown = answers.stream().filter(a -> a.has() == Has.NOT_KNOWN).map(a -> a.host().toString()).collect(Collectors.joining(", "));
        return elsewhere.or(() -> patient && !unknown.isEmpty()
                ? Optional.of(new Way.Later("it may still be on %s, which can't be asked now; a gap is accepted only after a while".formatted(unknown)))
                : Optional.empty());
    }

    private static Way skip(HostReport.Reachable host, EndOfWal own, Lsn at) {
        return host.history().timelineAt(at).equals(own.lineage().timeline())
                ? new Way.Skip(at)
                : new Way.Decide(new Stop(
                        "%s has removed WAL from %s to %s, and timeline %s ended in between; the relay can go on with an empty data folder"
                                .formatted(host.host(), own.written(), at, own.lineage().timeline()),
                        "upstream has removed WAL across a change of timeline",
                        "walrelay serve --data NEW_DIRECTORY"));
    }

    private Has has(HostReport other, HostReport.Reachable host, EndOfWal own) throws InterruptedException {
        return switch (other) {
            case HostReport.Unreachable _ -> Has.NOT_KNOWN;
            case HostReport.Reachable there when !canSend(there, host, own) -> Has.NO;
            case HostReport.Reachable there -> {
                try {
                    yield wal.has(there.host(), there.history(), own.written()) ? Has.YES : Has.NO;
                } catch (UpstreamException e) {
                    yield Has.NOT_KNOWN;
                }
            }
        };
    }

    private static boolean canSend(HostReport.Reachable there, HostReport.Reachable host, EndOfWal own) {
        return there.system().equals(host.system())
                && there.history().reaches(own.lineage(), own.written())
                && there.flushed().isAfter(own.written());
    }
}
