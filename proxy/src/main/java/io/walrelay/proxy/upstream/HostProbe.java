package io.walrelay.proxy.upstream;

import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.proxy.config.Durations;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.proxy.state.UpstreamRelay;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.ServerParameters;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a host says of itself over a replication connection: no SQL, so a role with nothing but a {@code replication} line in
 * pg_hba.conf can be used.
 */
record HostProbe(HostReport.Reachable report, Map<String, String> parameters, Map<String, String> settings) {

    private static final TimelineId FIRST = new TimelineId(1);
    private static final List<String> DEMANDED = List.of("wal_segment_size", "block_size", "wal_block_size");
    /** What standbys and tools ask, and what the link goes by. A role may lack the right to see one. */
    private static final List<String> WANTED = List.of(
            "server_version",
            "server_version_num",
            "data_directory_mode",
            "wal_sender_timeout",
            "synchronous_commit",
            "synchronous_standby_names");

    HostProbe {
        parameters = Map.copyOf(parameters);
        settings = Map.copyOf(settings);
    }

    /** Asks all of it. Blocks. */
    static HostProbe of(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        if (connection.major() < 13 || connection.major() > 18) {
            throw new UpstreamException("it is PostgreSQL %d; expected 13 to 18".formatted(connection.major()));
        }
        Map<String, String> settings = new LinkedHashMap<>();
        for (String name : DEMANDED) {
            settings.put(name, connection.askOne(new ReplicationCommand.Show(name)));
        }
        for (List<String> names : List.of(WANTED, ServerParameters.NAMES)) {
            for (String name : names) {
                show(connection, name).ifPresent(value -> settings.put(name, value));
            }
        }
        for (String name : List.of("block_size", "wal_block_size")) {
            if (!"8192".equals(settings.get(name))) {
                throw new UpstreamException("%s is %s; expected 8192".formatted(name, settings.get(name)));
            }
        }
        List<@Nullable String> row = connection.row(new ReplicationCommand.IdentifySystem(), 3);
        try {
            TimelineId timeline = TimelineId.parse(String.valueOf(row.get(1)));
            byte[] file = timeline.equals(FIRST) ? new byte[0] : history(connection, timeline);
            HostReport.Reachable report = new HostReport.Reachable(
                    connection.host(),
                    SystemId.parse(String.valueOf(row.get(0))),
                    SegmentSize.parse(String.valueOf(settings.get("wal_segment_size"))),
                    parse(timeline, file),
                    Lsn.parse(String.valueOf(row.get(2))),
                    inRecovery(connection));
            return new HostProbe(report, connection.parameters(), settings);
        } catch (IllegalArgumentException e) {
            throw new UpstreamException("it answered with " + e.getMessage(), e);
        }
    }

    private static boolean inRecovery(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        String reported = connection.parameters().get("in_hot_standby");
        return "on".equals(reported == null ? connection.askOne(new ReplicationCommand.Show("transaction_read_only")) : reported);
    }

    /** The value of a setting; empty when the server does not let us see it. */
    static Optional<String> show(UpstreamConnection connection, String name) throws UpstreamException, InterruptedException {
        try {
            return Optional.of(connection.askOne(new ReplicationCommand.Show(name)));
        } catch (UpstreamException e) {
            if (e.diagnostic().isPresent()) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** A history file, as the server sent it. */
    static byte[] history(UpstreamConnection connection, TimelineId timeline) throws UpstreamException, InterruptedException {
        String content = connection.row(new ReplicationCommand.ReadTimelineHistory(timeline), 2).get(1);
        if (content == null) {
            throw new UpstreamException("TIMELINE_HISTORY %s was answered with nothing; expected a file name and its content".formatted(timeline));
        }
        return content.getBytes(StandardCharsets.UTF_8);
    }

    static TimelineHistory parse(TimelineId timeline, byte[] file) throws UpstreamException {
        try {
            return TimelineHistory.parse(timeline, new String(file, StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            throw new UpstreamException("it answered with " + e.getMessage(), e);
        }
    }

    /** The settings that a primary's standbys depend on, as its log has them; empty for a standby, whose log has another's. */
    Optional<ServerParameters> primaryParameters() {
        return report.inRecovery() ? Optional.empty() : ServerParameters.ofSettings(settings);
    }

    UpstreamFacts facts() {
        return new UpstreamFacts(report.system(), report.segmentSize(), UpstreamRelay.without(parameters), settings);
    }

    /** Empty when the host is no relay. */
    Optional<UpstreamRelay> relay() {
        return UpstreamRelay.of(parameters);
    }

    /** Whether commits on the host may wait for a standby named {@code applicationName}. A standby's commits are the primary's. */
    boolean waitsFor(String applicationName) {
        return !report.inRecovery()
                && SynchronousStandbyNames.parse(settings.getOrDefault("synchronous_standby_names", ""))
                        .map(names -> names.name(applicationName))
                        .orElse(true);
    }

    /** After how long a silence the host gives a standby up; empty when never, or not known. */
    Optional<Duration> senderTimeout() {
        String text = settings.getOrDefault("wal_sender_timeout", "0");
        try {
            return text.equals("0") ? Optional.empty() : Optional.of(Durations.parse(text));
        } catch (IllegalArgumentException e) {
            // Of a form that no PostgreSQL of today shows: then our own interval has to do.
            return Optional.empty();
        }
    }
}
