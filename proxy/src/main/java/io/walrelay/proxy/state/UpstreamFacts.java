package io.walrelay.proxy.state;

import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * What is known of upstream's cluster and stays true while it is away: what standbys are told.
 *
 * @param parameters ParameterStatus values as upstream sent them: server_version, integer_datetimes, …
 * @param settings what SHOW answered: wal_segment_size, data_directory_mode, …
 */
public record UpstreamFacts(SystemId system, SegmentSize segmentSize, Map<String, String> parameters, Map<String, String> settings) {

    public UpstreamFacts {
        parameters = Collections.unmodifiableMap(new TreeMap<>(parameters));
        settings = Collections.unmodifiableMap(new TreeMap<>(settings));
    }

    /** Whether upstream was in recovery when it was looked at last; one before 14, which does not say so, may be. */
    public boolean mayBeInRecovery() {
        return !"off".equals(parameters.get("in_hot_standby"));
    }
}
