package io.walrelay.proxy.auth;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.Secret;
import java.time.Instant;
import java.util.Optional;

/**
 * A role as far as authentication goes.
 *
 * @param password pg_authid.rolpassword as it stands: a SCRAM or md5 verifier; empty when the role has none
 * @param replication whether it may start physical replication
 * @param validUntil from when its password is not accepted
 */
public record UserEntry(String name, Optional<Secret> password, boolean replication, boolean canLogin, Optional<Instant> validUntil) {

    /** What PostgreSQL 16 and later says to a role that may log in and not replicate. */
    public static final Diagnostic NOT_A_REPLICATION_ROLE = Diagnostic.fatal("42501", "permission denied to start WAL sender")
            .withDetail("Only roles with the REPLICATION attribute may start a WAL sender process.");

    public boolean expired(Instant now) {
        return validUntil.map(end -> !now.isBefore(end)).orElse(false);
    }
}
