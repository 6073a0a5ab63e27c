package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Secret;

/**
 * The keys of SCRAM-SHA-256 (RFC 5802, section 3), 32 bytes each. The client's key came out of a valid proof: who holds both can log in
 * where the same verifier (salt and iterations included) is stored, without ever having seen the password.
 */
public record ScramKeys(Secret clientKey, Secret serverKey) {}
