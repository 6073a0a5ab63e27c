package io.walrelay.proxy.upstream;

import io.netty.util.ReferenceCountUtil;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyBothResponse;
import io.walrelay.protocol.message.BackendMessage.CopyData;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.EmptyQueryResponse;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.BackendMessage.NoticeResponse;
import io.walrelay.protocol.message.BackendMessage.Other;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Diagnostic;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A simple query or a replication command that answers with rows. Confined to its connection's event loop, but for {@link #answer}. */
final class QueryConversation implements Conversation {

    /** What the relay asks is answered with a row or two; the longest is a timeline history. */
    private static final int MOST_ROWS = 1_000;

    private static final long MOST_CHARACTERS = 32 << 20;

    private final String command;
    private final CompletableFuture<List<List<@Nullable String>>> answer = new CompletableFuture<>();
    private final List<List<@Nullable String>> rows = new ArrayList<>();
    private long length;
    private @Nullable Diagnostic error;

    QueryConversation(String command) {
        this.command = command;
    }

    /** The rows, or an {@link UpstreamException}. */
    CompletableFuture<List<List<@Nullable String>>> answer() {
        return answer;
    }

    @Override
    public boolean on(BackendMessage message) {
        return switch (message) {
            case DataRow(var values) -> {
                length += values.stream().mapToLong(value -> value == null ? 0 : value.length()).sum();
                if (rows.size() < MOST_ROWS && length <= MOST_CHARACTERS) {
                    rows.add(values);
                } else {
                    rows.clear();
                    answer.completeExceptionally(
                            new UpstreamException("%s was answered with more than %d rows or %d characters".formatted(command, MOST_ROWS, MOST_CHARACTERS)));
                }
                yield false;
            }
            case ErrorResponse(var diagnostic) -> {
                error = diagnostic;
                yield false;
            }
            case ReadyForQuery _ -> {
                Diagnostic failure = error;
                if (failure == null) {
                    answer.complete(rows);
                } else {
                    answer.completeExceptionally(new UpstreamException(command, failure));
                }
                yield true;
            }
            case RowDescription _, CommandComplete _, EmptyQueryResponse _, NoticeResponse _, ParameterStatus _ -> false;
            case CopyBothResponse _, CopyData _, CopyDone _, Other _, BackendMessage.ExtendedAnswer _ -> unexpected(message);
            case BackendMessage.Authentication _, BackendMessage.BackendKeyData _, NegotiateProtocolVersion _ -> unexpected(message);
        };
    }

    private boolean unexpected(BackendMessage message) {
        if (message instanceof CopyData(var data)) {
            ReferenceCountUtil.release(data);
        } else if (message instanceof Other(_, var body)) {
            ReferenceCountUtil.release(body);
        }
        answer.completeExceptionally(
                new UpstreamException("%s was answered with %s; expected rows".formatted(command, message.getClass().getSimpleName())));
        return false;
    }

    @Override
    public void pause() {
        // Rows are handed over whole, at their end.
    }

    @Override
    public void lost(UpstreamException why) {
        Diagnostic failure = error;
        answer.completeExceptionally(failure == null ? why : new UpstreamException(command, failure));
    }
}
