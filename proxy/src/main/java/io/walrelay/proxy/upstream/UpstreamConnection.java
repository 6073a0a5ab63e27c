package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.command.ReplicationCommandPrinter;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.wal.SystemId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One session on an upstream host, logged in. One command at a time; calls block and are confined to one thread. */
final class UpstreamConnection implements AutoCloseable {

    private static final Pattern MAJOR = Pattern.compile("([0-9]{1,4}).*");

    private final HostAddress host;
    private final Channel channel;
    private final SessionHandler handler;
    private final Map<String, String> parameters;
    private final Duration limit;
    private final int major;

    UpstreamConnection(HostAddress host, Channel channel, SessionHandler handler, Map<String, String> parameters, Duration limit)
            throws UpstreamException {
        this.host = host;
        this.channel = channel;
        this.handler = handler;
        this.parameters = parameters;
        this.limit = limit;
        Matcher version = MAJOR.matcher(parameters.getOrDefault("server_version", ""));
        if (!version.matches()) {
            var _ = channel.close();
            throw new UpstreamException("server_version is \"%s\"; expected a number first".formatted(parameters.getOrDefault("server_version", "")));
        }
        this.major = Integer.parseInt(version.group(1));
    }

    HostAddress host() {
        return host;
    }

    /** What ParameterStatus told at login. */
    Map<String, String> parameters() {
        return parameters;
    }

    /** The server's major version: 13 to 18. */
    int major() {
        return major;
    }

    EventLoop loop() {
        return channel.eventLoop();
    }

    Channel channel() {
        return channel;
    }

    /** The rows that {@code command} is answered with. */
    List<List<@Nullable String>> ask(ReplicationCommand command) throws UpstreamException, InterruptedException {
        String text = ReplicationCommandPrinter.print(command, major);
        QueryConversation query = new QueryConversation(text);
        begin(new FrontendMessage.Query(text), query);
        return await(query.answer(), limit, text);
    }

    /**
     * The first row, which has at least so many columns.
     *
     * @throws UpstreamException also when it has not, or there is none: it is no PostgreSQL then, or one that nobody knows
     */
    List<@Nullable String> row(ReplicationCommand command, int columns) throws UpstreamException, InterruptedException {
        List<List<@Nullable String>> rows = ask(command);
        if (rows.isEmpty() || rows.getFirst().size() < columns) {
            throw new UpstreamException("%s was answered with %s; expected a row of %d columns"
                    .formatted(ReplicationCommandPrinter.print(command, major), rows.isEmpty() ? "nothing" : rows.getFirst().size() + " columns", columns));
        }
        return rows.getFirst();
    }

    /**
     * The system identifier. A server before 15 that is in recovery streams only to a session that has asked for it (walsender.c,
     * StartReplication: ThisTimeLineID).
     */
    SystemId identify() throws UpstreamException, InterruptedException {
        String system = String.valueOf(row(new ReplicationCommand.IdentifySystem(), 1).getFirst());
        try {
            return SystemId.parse(system);
        } catch (IllegalArgumentException e) {
            throw new UpstreamException("IDENTIFY_SYSTEM was answered with " + e.getMessage(), e);
        }
    }

    /** The first value of the first row. */
    String askOne(ReplicationCommand command) throws UpstreamException, InterruptedException {
        String value = row(command, 1).getFirst();
        if (value == null) {
            throw new UpstreamException("%s was answered with nothing; expected a value".formatted(ReplicationCommandPrinter.print(command, major)));
        }
        return value;
    }

    /** Sends a command whose answer {@code conversation} follows. */
    void begin(ReplicationCommand command, Conversation conversation) {
        begin(new FrontendMessage.Query(ReplicationCommandPrinter.print(command, major)), conversation);
    }

    private void begin(FrontendMessage message, Conversation conversation) {
        channel.eventLoop().execute(() -> {
            ChannelHandlerContext context = channel.pipeline().context(handler);
            if (context == null) {
                conversation.lost(new UpstreamException("the connection is closed"));
            } else {
                handler.converse(context, message, conversation);
            }
        });
    }

    /** Waits for {@code future} and gives its failure as an {@link UpstreamException}. */
    static <T> T await(CompletableFuture<T> future, Duration limit, String what) throws UpstreamException, InterruptedException {
        try {
            return future.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new UpstreamException("%s: no answer within %d s".formatted(what, limit.toSeconds()), e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UpstreamException known) {
                throw known;
            }
            throw new UpstreamException("%s: %s".formatted(what, e.getCause()), e);
        }
    }

    /** Says good-bye where that is still possible, and does not wait. */
    @Override
    public void close() {
        if (channel.isActive()) {
            Outbound.terminate(channel);
        } else {
            var _ = channel.close();
        }
    }
}
