package io.walrelay.proxy.standby;

import io.walrelay.protocol.handshake.AuthenticationDecision;
import io.walrelay.protocol.handshake.StartupRequest;
import io.walrelay.protocol.message.Diagnostic;
import java.net.InetAddress;
import java.security.cert.X509Certificate;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** Decides how a client has to prove who he is. Thread-safe; never blocks its caller. */
public interface Authenticator {

    /**
     * Where a client comes from.
     *
     * @param systemUser tells the system's user at the other end of a Unix-domain socket, if that is known; asked, on the thread that lets decide, only
     *     when a rule says peer, since it takes a look-up
     * @param certificate the one that it showed and TLS verified
     */
    record Client(
            Optional<InetAddress> address,
            Supplier<CompletionStage<Optional<String>>> systemUser,
            boolean encrypted,
            Optional<X509Certificate> certificate) {}

    /**
     * @param unproved what the client is told, FATAL, if his password is not the one that is known; empty: that it is wrong
     * @param afterwards what the client is refused with once he has proved who he is, FATAL
     */
    record Admission(AuthenticationDecision decision, Optional<Diagnostic> unproved, Optional<Diagnostic> afterwards) {

        /** For what is known for sure. */
        Admission(AuthenticationDecision decision, Optional<Diagnostic> afterwards) {
            this(decision, Optional.empty(), afterwards);
        }
    }

    /** May complete on any thread. When it completes exceptionally the client is refused. */
    CompletionStage<Admission> decide(StartupRequest request, Client client);
}
