package io.walrelay.wal.format;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The settings of a primary that its standbys depend on, which it writes to the log whenever it starts with others (PostgreSQL:
 * xlog_internal.h, xl_parameter_change; the same from 13 to 18).
 */
public record ServerParameters(
        int maxConnections,
        int maxWorkerProcesses,
        int maxWalSenders,
        int maxPreparedTransactions,
        int maxLocksPerTransaction,
        WalLevel walLevel,
        boolean walLogHints,
        boolean trackCommitTimestamp) {

    /** The settings by PostgreSQL's names, which {@link #ofSettings} needs. */
    public static final List<String> NAMES = List.of(
            "max_connections",
            "max_worker_processes",
            "max_wal_senders",
            "max_prepared_transactions",
            "max_locks_per_transaction",
            "wal_level",
            "wal_log_hints",
            "track_commit_timestamp");

    /** A setting that has another value in one than in the other, as SHOW says them. */
    public record Difference(String name, String before, String after) {

        @Override
        public String toString() {
            return "%s from %s to %s".formatted(name, before, after);
        }
    }

    /** From what SHOW answered; empty when one is not there, or is none of these. */
    public static Optional<ServerParameters> ofSettings(Map<String, String> shown) {
        Optional<WalLevel> level = WalLevel.ofSetting(shown.getOrDefault("wal_level", ""));
        if (!shown.keySet().containsAll(NAMES) || level.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(new ServerParameters(
                    number(shown, "max_connections"),
                    number(shown, "max_worker_processes"),
                    number(shown, "max_wal_senders"),
                    number(shown, "max_prepared_transactions"),
                    number(shown, "max_locks_per_transaction"),
                    level.get(),
                    "on".equals(shown.get("wal_log_hints")),
                    "on".equals(shown.get("track_commit_timestamp"))));
        } catch (NumberFormatException e) {
            // Of a form that no server of today shows: what the log says has to do.
            return Optional.empty();
        }
    }

    private static int number(Map<String, String> shown, String name) {
        return Integer.parseInt(shown.getOrDefault(name, ""));
    }

    /** All of them, in the order of {@link #NAMES}, as SHOW says them. */
    public Map<String, String> settings() {
        Map<String, String> all = new LinkedHashMap<>();
        minimums().forEach((name, value) -> all.put(name, Integer.toString(value)));
        all.put("wal_level", walLevel.setting());
        all.put("wal_log_hints", onOff(walLogHints));
        all.put("track_commit_timestamp", onOff(trackCommitTimestamp));
        return all;
    }

    /** Those of which a hot standby must have as much as its primary, or more (xlog.c, CheckRequiredParameterValues). */
    public Map<String, Integer> minimums() {
        Map<String, Integer> all = new LinkedHashMap<>();
        all.put("max_connections", maxConnections);
        all.put("max_worker_processes", maxWorkerProcesses);
        all.put("max_wal_senders", maxWalSenders);
        all.put("max_prepared_transactions", maxPreparedTransactions);
        all.put("max_locks_per_transaction", maxLocksPerTransaction);
        return all;
    }

    /** Those of {@link #minimums} that are more here than in {@code before}. */
    public Map<String, Integer> raisedFrom(ServerParameters before) {
        Map<String, Integer> old = before.minimums();
        return minimums().entrySet().stream()
                .filter(now -> now.getValue() > old.getOrDefault(now.getKey(), 0))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, Math::max, LinkedHashMap::new));
    }

    /** What is not as in {@code before}, in the order of {@link #NAMES}. */
    public List<Difference> differencesFrom(ServerParameters before) {
        Map<String, String> old = before.settings();
        return settings().entrySet().stream()
                .map(now -> new Difference(now.getKey(), old.getOrDefault(now.getKey(), ""), now.getValue()))
                .filter(difference -> !difference.before().equals(difference.after()))
                .toList();
    }

    private static String onOff(boolean value) {
        return value ? "on" : "off";
    }
}
