package io.walrelay.proxy.upstream;

import io.walrelay.protocol.handshake.ClientFailure;
import io.walrelay.protocol.message.Diagnostic;
import java.io.IOException;
import java.util.Optional;

/** Why a host can't be used now, in one line without the host's name, with what the server said if it was the server that refused. */
final class UpstreamException extends IOException {

    private static final long serialVersionUID = 1;

    /* SQLSTATEs (errcodes.txt) that the relay acts on. */
    static final String UNDEFINED_FILE = "58P01";
    static final String OBJECT_IN_USE = "55006";
    static final String WRONG_STATE = "55000";
    static final String UNDEFINED_OBJECT = "42704";
    static final String DUPLICATE_OBJECT = "42710";

    private final transient Optional<Diagnostic> diagnostic;
    private final transient Optional<ClientFailure> loginFailure;

    UpstreamException(String reason) {
        super(reason);
        this.diagnostic = Optional.empty();
        this.loginFailure = Optional.empty();
    }

    UpstreamException(String reason, Throwable cause) {
        super(reason, cause);
        this.diagnostic = Optional.empty();
        this.loginFailure = Optional.empty();
    }

    /** The login failed, with no way left to try. */
    UpstreamException(ClientFailure failure) {
        super(failure.reason());
        this.diagnostic = Optional.empty();
        this.loginFailure = Optional.of(failure);
    }

    /** The server answered {@code command} with an error. */
    UpstreamException(String command, Diagnostic diagnostic) {
        super("%s: %s".formatted(command, diagnostic));
        this.diagnostic = Optional.of(diagnostic);
        this.loginFailure = Optional.empty();
    }

    /** How the login failed; empty when it did not come to that, or was over. */
    Optional<ClientFailure> loginFailure() {
        return loginFailure;
    }

    /** What the server answered a command with. */
    Optional<Diagnostic> diagnostic() {
        return diagnostic;
    }

    boolean has(String sqlState) {
        return diagnostic.filter(d -> d.sqlState().equals(sqlState)).isPresent();
    }

    String reason() {
        return String.valueOf(getMessage());
    }
}
