package io.walrelay.proxy.standby;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.state.Refusal;
import java.util.Optional;

/** Whom a {@link WalSender} tells what became of its stream: exactly one of them, once; nothing of the stream is written afterwards. */
interface StreamOwner {

    /** Both sides have said CopyDone. {@code end} is where a historic timeline ended. */
    void streamEnded(Optional<Course.EndsAt> end);

    void streamFailed(Refusal.Reason reason, Diagnostic why, Optional<Refusal.Reached> reached);

    /** The relay stops and the standby has everything. */
    void streamDrained();

    /** The standby is gone or useless. */
    void hangUp(String reason);
}
