package io.walrelay.proxy.standby;

import io.walrelay.protocol.handshake.AuthenticationDecision;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.StartupRequest;
import java.util.concurrent.CompletionStage;

/**
 * Who may change slots by SQL. PostgreSQL asks for the attribute REPLICATION, which the relay does not know of everybody: who came in by {@code trust} or
 * {@code cert} was looked up nowhere. So the question is whether the same client could open a replication connection with what he has proved now.
 */
final class SlotRights {

    private SlotRights() {}

    /**
     * May complete on any thread; exceptionally, when it could not be found out.
     *
     * @param proved how the client got in
     */
    static CompletionStage<Boolean> of(Authenticator authenticator, StartupRequest request, Authenticator.Client client, AuthenticationDecision proved) {
        StartupRequest replication =
                new StartupRequest(request.user(), "", SessionKind.PHYSICAL_REPLICATION, request.version(), request.options(), request.parameters());
        return authenticator.decide(replication, client).thenApply(admission -> grants(admission, proved));
    }

    /** Another way to prove who one is, or another password, is not what was proved. */
    static boolean grants(Authenticator.Admission replication, AuthenticationDecision proved) {
        boolean enough = replication.decision() instanceof AuthenticationDecision.Trust || replication.decision().equals(proved);
        return enough && replication.afterwards().isEmpty();
    }
}
