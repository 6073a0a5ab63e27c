package io.walrelay.proxy.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import io.walrelay.cache.Incoming;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the bodies of files that are pushed out of the stream of requests and into a file: what comes after it sees a request without a body. The
 * connection is read only as fast as the disk takes it. Confined to the connection's event loop.
 *
 * <pre>
 *   head ─▶ may it come? ─┬─ no ──▶ answered as it is; what still comes is dropped, and the connection ends
 *                         └─ yes ─▶ 100 Continue ─▶ body, a few buffers at a time, into the file ─▶ Upload
 * </pre>
 */
final class PushReceiver extends ChannelDuplexHandler {

    private static final Logger log = LoggerFactory.getLogger(PushReceiver.class);

    private final RequestHandler requests;
    private final Gate gate;
    private final RequestHandler.Answers answers;
    private final HttpLimits limits;
    private final Deque<Object> came = new ArrayDeque<>();

    private @Nullable HttpRequest head;
    private @Nullable Incoming file;
    private @Nullable Future<?> deadline;
    private SegmentWaits.@Nullable Wait wait;
    private boolean working;
    private boolean dropping;
    /** Whether the client may still be sending a body that is dropped. */
    private boolean sending;
    private @Nullable ChannelPromise closing;

    PushReceiver(RequestHandler requests, Gate gate, RequestHandler.Answers answers, HttpLimits limits) {
        this.requests = requests;
        this.gate = gate;
        this.answers = answers;
        this.limits = limits;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (dropping) {
            boolean last = message instanceof LastHttpContent;
            ReferenceCountUtil.release(message);
            if (last) {
                ended(context);
            }
        } else if (head != null) {
            came.add(message);
            goOn(context);
        } else if (message instanceof HttpRequest request && isPush(request)) {
            begin(context, request);
        } else {
            context.fireChannelRead(message);
        }
    }

    private static boolean isPush(HttpRequest request) {
        return request.method().equals(HttpMethod.PUT)
                && request.decoderResult().isSuccess()
                && Endpoint.at(Call.pathOf(request.uri())).equals(Optional.of(Endpoint.WAL_FILE));
    }

    private void begin(ChannelHandlerContext context, HttpRequest request) {
        if (requests.isAnswering()) {
            context.close(); // Nobody sends a file behind a question whose answer he has not got.
            return;
        }
        requests.stopClock();
        Optional<Reply> refusal = gate.refuse(context, request);
        if (refusal.isPresent()) {
            answerUnread(context, request, refusal.get());
            return;
        }
        head = request;
        working = true;
        context.channel().config().setAutoRead(false);
        SegmentWaits.Wait mine = answers.wal().begin();
        wait = mine;
        Call call = Call.of(context.pipeline(), request);
        work(context, () -> {
            WalPushes.Begin begin = answers.pushes().begin(call, mine);
            inLoop(context, () -> begun(context, begin), begin instanceof WalPushes.Begin.Read(var unused) ? unused : null);
        });
    }

    private void begun(ChannelHandlerContext context, WalPushes.Begin begin) {
        endWait();
        working = false;
        HttpRequest request = head;
        if (request == null) {
            if (begin instanceof WalPushes.Begin.Read(var unused)) {
                drop(unused); // The client has gone.
            }
            return;
        }
        switch (begin) {
            case WalPushes.Begin.Answer(var reply) -> answerUnread(context, request, reply);
            case WalPushes.Begin.Read(var begun) -> {
                file = begun;
                if (HttpUtil.is100ContinueExpected(request)) {
                    context.writeAndFlush(new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE, Unpooled.EMPTY_BUFFER));
                }
                goOn(context);
            }
        }
    }

    private void answerUnread(ChannelHandlerContext context, HttpRequest request, Reply reply) {
        dropping = true;
        sending = !HttpUtil.is100ContinueExpected(request) && came.stream().noneMatch(LastHttpContent.class::isInstance);
        head = null;
        release();
        context.channel().config().setAutoRead(true);
        context.fireChannelRead(new Upload(request, new Upload.Body.Refused(reply)));
    }

    /** Closed while the client sends, the connection would be reset, and the answer lost that is on its way to him. */
    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        if (!sending || closing != null) {
            context.close(promise);
            return;
        }
        closing = promise;
        deadline = context.executor().schedule(() -> ended(context), limits.patience().toMillis(), TimeUnit.MILLISECONDS);
    }

    private void ended(ChannelHandlerContext context) {
        sending = false;
        stopClock();
        if (closing != null) {
            context.close(closing);
        }
    }

    /** Writes what has come, or asks for more. */
    private void goOn(ChannelHandlerContext context) {
        Incoming into = file;
        if (working || into == null) {
            return;
        }
        stopClock();
        List<HttpContent> batch = new ArrayList<>();
        boolean last = false;
        while (!last && came.peek() instanceof HttpContent content) {
            came.remove();
            batch.add(content);
            last = content instanceof LastHttpContent;
        }
        if (batch.isEmpty()) {
            deadline = context.executor().schedule(() -> context.close(), limits.patience().toMillis(), TimeUnit.MILLISECONDS);
            context.read();
            return;
        }
        working = true;
        boolean whole = last;
        work(context, () -> {
            boolean written = write(into, batch);
            inLoop(context, () -> written(context, written, whole), null);
        });
    }

    private boolean write(Incoming into, List<HttpContent> batch) {
        try {
            for (HttpContent content : batch) {
                for (ByteBuffer bytes : content.content().nioBuffers()) {
                    answers.counts().received(bytes.remaining());
                    into.append(bytes);
                }
            }
            return true;
        } catch (IOException e) {
            log.warn("could not write what is pushed as {}: {}", into.name(), e.getMessage());
            return false;
        } finally {
            batch.forEach(HttpContent::release);
        }
    }

    private void written(ChannelHandlerContext context, boolean written, boolean whole) {
        working = false;
        HttpRequest request = head;
        Incoming done = file;
        if (request == null || done == null) {
            closeFile(); // The client has gone.
        } else if (!written) {
            closeFile();
            String text = "the relay could not write it; its log says why";
            answerUnread(context, request, Reply.error(HttpResponseStatus.INSUFFICIENT_STORAGE, Call.pathOf(request.uri()), text));
        } else if (!whole) {
            goOn(context);
        } else {
            head = null;
            file = null;
            context.channel().config().setAutoRead(true);
            context.fireChannelRead(new Upload(request, new Upload.Body.Came(done)));
            while (!came.isEmpty()) {
                context.fireChannelRead(came.remove());
            }
        }
    }

    /** What may block is done elsewhere. Whatever fails there, the client gets an answer. */
    private void work(ChannelHandlerContext context, Runnable task) {
        try {
            answers.workers().execute(() -> {
                try {
                    task.run();
                } catch (RuntimeException | Error e) {
                    // Memory for files is direct memory, whose end ends no process.
                    inLoop(context, () -> failed(context, e), null);
                }
            });
        } catch (RejectedExecutionException e) {
            log.atDebug().setCause(e).log("the server stops");
            context.close();
        }
    }

    private void failed(ChannelHandlerContext context, Throwable cause) {
        endWait();
        working = false;
        closeFile();
        HttpRequest request = head;
        if (request == null) {
            log.atError().setCause(cause).log("could not take what a client pushed that has gone");
        } else {
            answerUnread(context, request, RequestHandler.apology(Call.of(context.pipeline(), request), cause));
        }
    }

    private void inLoop(ChannelHandlerContext context, Runnable task, @Nullable Incoming unused) {
        try {
            context.executor().execute(task);
        } catch (RejectedExecutionException e) {
            log.atDebug().setCause(e).log("the server stops");
            if (unused != null) {
                close(unused);
            }
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        stopClock();
        endWait();
        sending = false;
        head = null;
        release();
        if (!working) {
            closeFile();
        }
        context.fireChannelInactive();
    }

    private void endWait() {
        if (wait != null) {
            wait.end();
            wait = null;
        }
    }

    private void release() {
        came.forEach(ReferenceCountUtil::release);
        came.clear();
    }

    private void closeFile() {
        Incoming open = file;
        file = null;
        if (open != null) {
            drop(open);
        }
    }

    private void drop(Incoming unused) {
        try {
            answers.workers().execute(() -> close(unused));
        } catch (RejectedExecutionException e) {
            close(unused);
        }
    }

    static void close(Incoming file) {
        try {
            file.close();
        } catch (IOException e) {
            log.warn("could not delete what came of {}: {}", file.name(), e.getMessage());
        }
    }

    private void stopClock() {
        if (deadline != null) {
            deadline.cancel(false);
            deadline = null;
        }
    }
}
