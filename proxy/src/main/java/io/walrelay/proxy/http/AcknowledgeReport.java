package io.walrelay.proxy.http;

import io.walrelay.cache.EndOfWal;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Acknowledging;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.proxy.acknowledge.Positions.Stage;
import io.walrelay.proxy.acknowledge.Standing;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** The policy of acknowledgement and whom it waits for, as a report. */
final class AcknowledgeReport {

    private AcknowledgeReport() {}

    static StatusReport.Acknowledge of(Acknowledging acknowledging, EndOfWal own) {
        Acknowledgement now = acknowledging.look(own);
        Positions positions = now.positions();
        Optional<Acknowledging.Waiting> waiting = acknowledging.waiting();
        List<String> waitedFor = now.waitedFor(Stage.FLUSH);
        OptionalLong bytes = now.waitingBytes(Stage.FLUSH);
        return new StatusReport.Acknowledge(
                acknowledging.policy().toString(),
                Reports.position(positions.write()),
                Reports.position(positions.flush()),
                Reports.position(positions.apply()),
                bytes.isPresent() ? Optional.of(bytes.getAsLong()) : Optional.empty(),
                waiting.map(Acknowledging.Waiting::since),
                waiting.map(Acknowledging.Waiting::standbys).orElse(List.of()),
                now.members().stream().map(member -> member(member, waitedFor.contains(member.name()))).toList());
    }

    private static StatusReport.Member member(Standing member, boolean waitedFor) {
        Positions confirmed = member.confirmed();
        return new StatusReport.Member(
                member.name(),
                member.connected(),
                Reports.position(confirmed.write()),
                Reports.position(confirmed.flush()),
                Reports.position(confirmed.apply()),
                waitedFor);
    }
}
