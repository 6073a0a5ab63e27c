package io.walrelay.proxy.standby;

import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Column;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The answers to the commands that stream nothing (walsender.c, exec_replication_command). Methods that throw IOException
 * wait for the disk. Thread-safe.
 */
final class ReplicationCommands {

    private final WalCache cache;
    private final Supplier<UpstreamFacts> facts;
    private final int pid;

    /**
     * @param facts as they are known now
     * @param pid of the session, which its slots belong to
     */
    ReplicationCommands(WalCache cache, Supplier<UpstreamFacts> facts, int pid) {
        this.cache = cache;
        this.facts = facts;
        this.pid = pid;
    }

    List<BackendMessage> identifySystem() {
        EndOfWal end = cache.end();
        return List.of(
                new RowDescription(List.of(
                        Column.text("systemid"), Column.int8("timeline"), Column.text("xlogpos"), Column.text("dbname"))),
                row(cache.system().toString(), end.lineage().timeline().toString(), end.written().toString(), null),
                new CommandComplete("IDENTIFY_SYSTEM"));
    }

    List<BackendMessage> show(String name) {
        UpstreamFacts known = facts.get();
        // The column has the parameter's own spelling (guc.c, GetConfigOptionByName).
        Map.Entry<String, String> parameter = Stream.of(known.settings(), known.parameters())
                .flatMap(values -> values.entrySet().stream())
                .filter(value -> value.getKey().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new CommandError(Refusals.unknownParameter(name)));
        return List.of(new RowDescription(List.of(Column.text(parameter.getKey()))), row(parameter.getValue()), new CommandComplete("SHOW"));
    }

    List<BackendMessage> timelineHistory(ReplicationCommand.ReadTimelineHistory command) throws IOException {
        String fileName = new WalFileName.History(command.timeline()).fileName(cache.segmentSize());
        byte[] content = cache.history(command.timeline())
                .orElseThrow(() -> new CommandError(Refusals.noHistory(fileName)));
        return List.of(
                new RowDescription(List.of(Column.text("filename"), Column.bytea("content"))),
                // A history is bytes: whatever its comments are encoded in, it passes as it is.
                new BackendMessage.BytesRow(List.of(fileName.getBytes(StandardCharsets.US_ASCII), content)),
                new CommandComplete("TIMELINE_HISTORY"));
    }

    List<BackendMessage> createSlot(ReplicationCommand.CreatePhysicalSlot command) throws SlotException, IOException {
        Slot made = cache.reservations().create(command.name(), command.temporary(), command.reserveWal(), pid);
        return List.of(
                new RowDescription(List.of(
                        Column.text("slot_name"),
                        Column.text("consistent_point"),
                        Column.text("snapshot_name"),
                        Column.text("output_plugin"))),
                row(made.name(), "0/0", null, null),
                new CommandComplete("CREATE_REPLICATION_SLOT"));
    }

    /**
     * Makes a temporary slot that holds WAL from where a base backup that begins now may have to replay: before the backup has told its
     * client where it starts, nobody else asks for that WAL. That is the redo of the last checkpoint; but a standby begins a backup at its last restartpoint,
     * which is of any checkpoint before (xlog.c, do_pg_backup_start; recovery_min_apply_delay), so for one all is held. Says nothing when it succeeds.
     */
    List<BackendMessage> holdForBackup() throws SlotException, IOException {
        var _ = facts.get().mayBeInRecovery()
                ? cache.reservations().createForAll(backupSlot(), pid)
                : cache.reservations().create(backupSlot(), true, true, pid);
        return List.of();
    }

    List<BackendMessage> releaseAfterBackup() throws SlotException, IOException {
        cache.slots().drop(backupSlot(), pid);
        return List.of();
    }

    private String backupSlot() {
        return "walrelay_backup_" + pid;
    }

    List<BackendMessage> dropSlot(String name) throws SlotException, IOException {
        cache.slots().drop(name, pid);
        return List.of(new CommandComplete("DROP_REPLICATION_SLOT"));
    }

    /** Why not: the options are for logical slots (slot.c, ReplicationSlotAlter). */
    Diagnostic alterSlot(String name) {
        return cache.slots().find(name).isPresent()
                ? Diagnostic.error("0A000", "cannot use ALTER_REPLICATION_SLOT with a physical replication slot")
                : Diagnostic.error("42704", "replication slot \"%s\" does not exist".formatted(name));
    }

    /** A row of NULLs when there is no such slot. */
    List<BackendMessage> readSlot(String name) {
        Optional<Slot> slot = cache.slots().find(name);
        DataRow answer = row(null, null, null);
        if (slot.isPresent()) {
            answer = slot.get().restartLsn().isValid()
                    ? row(
                            "physical",
                            slot.get().restartLsn().toString(),
                            cache.end().lineage().timelineAt(slot.get().restartLsn()).toString())
                    : row("physical", null, null);
        }
        return List.of(
                new RowDescription(
                        List.of(Column.text("slot_type"), Column.text("restart_lsn"), Column.int8("restart_tli"))),
                answer,
                new CommandComplete("READ_REPLICATION_SLOT"));
    }

    private static DataRow row(@Nullable String... values) {
        return new DataRow(Arrays.asList(values));
    }
}
