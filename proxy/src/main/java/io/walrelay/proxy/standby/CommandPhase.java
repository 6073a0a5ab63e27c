package io.walrelay.proxy.standby;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.command.ReplicationCommandParser;
import io.walrelay.protocol.message.BackendMessage.EmptyQueryResponse;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.TransactionStatus;
import io.walrelay.proxy.state.UpstreamFacts;
import java.util.List;
import java.util.function.Supplier;

/**
 * A session while it does not stream (walsender.c, exec_replication_command; postgres.c, PostgresMain). After an ERROR it goes on.
 * Confined to its event loop.
 */
final class CommandPhase {

    /** What a command may do to its session. */
    interface Session {
        void start(ReplicationCommand.StartPhysical command) throws SlotException;

        void hangUp(String reason);
    }

    /** How often DROP_REPLICATION_SLOT … WAIT looks whether the slot is free. */
    private static final long SLOT_POLL_MILLIS = 100;

    private static final String BASE_BACKUP = "BASE_BACKUP";

    private final WalCache cache;
    private final int pid;
    private final ReplicationCommands commands;
    private final Answers answers;
    private final CommandQueue queue;
    private final Session session;
    private final Delegation delegation;
    /** Whether the client has asked which server this is, and whether for anything that a look does not need. */
    private boolean identified;
    private boolean askedForMore;
    /** After an error of the extended protocol everything is dropped up to Sync. */
    private boolean skipToSync;

    CommandPhase(WalCache cache, Supplier<UpstreamFacts> facts, int pid, Answers answers, CommandQueue queue, Session session, Delegation delegation) {
        this.cache = cache;
        this.pid = pid;
        this.commands = new ReplicationCommands(cache, facts, pid);
        this.answers = answers;
        this.queue = queue;
        this.session = session;
        this.delegation = delegation;
    }

    void handle(FrontendMessage message) {
        switch (message) {
            case FrontendMessage.Query(var sql) -> {
                if (!skipToSync) {
                    query(sql);
                }
            }
            case FrontendMessage.Terminate() -> session.hangUp("terminated by the client");
            case FrontendMessage.Sync() -> {
                skipToSync = false;
                answers.write(new ReadyForQuery(TransactionStatus.IDLE));
            }
            case FrontendMessage.Flush() -> answers.flush();
            case FrontendMessage.Extended(var type, var body) -> {
                body.release();
                extended(type);
            }
            // The rest of a COPY that has failed: the manual tells servers to drop it.
            case FrontendMessage.CopyData(var data) -> data.release();
            case FrontendMessage.CopyDone _, FrontendMessage.CopyFail _ -> {}
            case FrontendMessage.Opening _, FrontendMessage.AuthenticationResponse _ ->
                throw new ProtocolViolation("a message of the handshake after its end");
        }
    }

    private void extended(byte type) {
        if (skipToSync) {
            return;
        }
        if (type == 'F') {
            answers.refuse(Refusals.NO_FASTPATH);
        } else {
            skipToSync = true;
            answers.write(new ErrorResponse(Refusals.NO_EXTENDED_QUERY));
        }
    }

    private void query(String sql) {
        if (sql.isBlank()) {
            answers.finish(List.of(new EmptyQueryResponse()));
            return;
        }
        try {
            carryOut(ReplicationCommandParser.parse(sql));
        } catch (CommandError error) {
            answers.refuse(error.diagnostic());
        } catch (SlotException e) {
            answers.refuse(e.diagnostic());
        }
    }

    /** As a standby does that finds itself on a later timeline, or of another cluster. */
    boolean wasOnlyLookedAt() {
        return identified && !askedForMore;
    }

    private void carryOut(ReplicationCommand parsed) throws SlotException {
        identified |= parsed instanceof ReplicationCommand.IdentifySystem;
        askedForMore |= !(parsed instanceof ReplicationCommand.IdentifySystem || parsed instanceof ReplicationCommand.Show);
        switch (parsed) {
            case ReplicationCommand.IdentifySystem() -> answers.finish(commands.identifySystem());
            case ReplicationCommand.Show(var name) -> answers.finish(commands.show(name));
            case ReplicationCommand.ReadTimelineHistory command -> work(() -> commands.timelineHistory(command));
            case ReplicationCommand.StartPhysical command -> session.start(command);
            case ReplicationCommand.CreatePhysicalSlot command -> work(() -> commands.createSlot(command));
            case ReplicationCommand.DropSlot(var name, var wait) -> dropSlot(name, wait);
            case ReplicationCommand.AlterSlot(var name, var _) -> answers.refuse(commands.alterSlot(name));
            case ReplicationCommand.ReadSlot(var name) -> answers.finish(commands.readSlot(name));
            case ReplicationCommand.ServerOnly command when command.keyword().equals(BASE_BACKUP) -> backUp(command);
            case ReplicationCommand.ServerOnly command -> delegation.run(command, () -> {});
            case ReplicationCommand.Sql _ -> answers.refuse(Refusals.NO_SQL);
        }
    }

    /** Keeps the WAL that the backup needs until its receiver has come to ask for it, or the backup is over. */
    private void backUp(ReplicationCommand.ServerOnly command) {
        queue.work(commands::holdForBackup, held -> {
            if (queue.isClosed()) {
                cache.slots().sessionEnded(pid);
            } else if (held.isEmpty()) {
                delegation.run(command, () -> queue.work(commands::releaseAfterBackup, _ -> {}));
            } else {
                answers.finish(held);
            }
        });
    }

    private void dropSlot(String name, boolean wait) {
        boolean inUse = cache.slots()
                .find(name)
                .map(Slot::activePid)
                .filter(owner -> owner.isPresent() && owner.getAsInt() != pid)
                .isPresent();
        if (wait && inUse) {
            queue.after(SLOT_POLL_MILLIS, () -> dropSlot(name, true));
        } else {
            work(() -> commands.dropSlot(name));
        }
    }

    private void work(CommandQueue.Work work) {
        queue.work(work, answer -> {
            if (queue.isClosed()) {
                // A temporary slot may have been made after the session's end had let go of all that it owned.
                cache.slots().sessionEnded(pid);
            } else {
                answers.finish(answer);
            }
        });
    }
}
