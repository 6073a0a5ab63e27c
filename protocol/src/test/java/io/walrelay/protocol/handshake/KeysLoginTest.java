package io.walrelay.protocol.handshake;

import static io.walrelay.protocol.handshake.Conversation.login;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.handshake.AuthenticationDecision.CleartextPassword;
import io.walrelay.protocol.handshake.AuthenticationDecision.Md5;
import io.walrelay.protocol.handshake.AuthenticationDecision.ScramSha256;
import io.walrelay.protocol.message.Secret;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Logging in with what a proof of somebody else has revealed, {@link Credential.Keys}. */
class KeysLoginTest {

    private static final Optional<PasswordVerifier> SCRAM =
            Optional.of(PasswordVerifier.parse(PasswordVerifierTest.POSTGRES_SECRET));
    private static final Optional<PasswordVerifier> MD5 =
            Optional.of(PasswordVerifier.parse(PasswordVerifierTest.POSTGRES_MD5));
    private static final ClientSecurity BOUND =
            ClientSecurity.DEFAULT.withSslMode(SslMode.REQUIRE).withChannelBinding(ChannelBindingMode.REQUIRE);

    @Test
    void whoHasTheKeysLogsInWithoutThePassword() {
        ScramKeys keys = new Conversation()
                .decide(new ScramSha256(SCRAM))
                .run(login("a", "secret"), SslMode.DISABLE)
                .authenticated
                .orElseThrow()
                .keys()
                .orElseThrow();
        for (ClientSecurity security : List.of(ClientSecurity.DEFAULT.withSslMode(SslMode.DISABLE), BOUND)) {
            Conversation talk = new Conversation().decide(new ScramSha256(SCRAM)).run(withKeys(keys), security);
            assertEquals(Optional.empty(), talk.failure);
            assertTrue(talk.connected.isPresent());
        }
        ScramKeys others = new ScramKeys(Secret.of(new byte[32]), keys.serverKey());
        assertInstanceOf(
                ClientFailure.LoginRefused.class,
                new Conversation().decide(new ScramSha256(SCRAM)).run(withKeys(others), SslMode.DISABLE).failure.orElseThrow());
    }

    @Test
    void keysAreNoAnswerToAServerThatWantsThePassword() {
        ScramKeys keys = new ScramKeys(Secret.of(new byte[32]), Secret.of(new byte[32]));
        for (AuthenticationDecision decision : List.of(new Md5(MD5), new CleartextPassword(SCRAM))) {
            ClientFailure failure = new Conversation().decide(decision).run(withKeys(keys), SslMode.DISABLE).failure.orElseThrow();
            assertEquals(
                    "server wants the password itself for user \"a\"; expected scram-sha-256, which keys are enough for",
                    assertInstanceOf(ClientFailure.NoPassword.class, failure).reason());
        }
    }

    /** It would be for the address or the certificate of whoever uses the keys, and not for them. */
    @Test
    void whoHasOnlyKeysIsNotLetInUnasked() {
        ScramKeys keys = new ScramKeys(Secret.of(new byte[32]), Secret.of(new byte[32]));
        Conversation talk = new Conversation().decide(new AuthenticationDecision.Trust()).run(withKeys(keys), SslMode.DISABLE);
        assertEquals(
                "server lets user \"a\" in without a password; expected scram-sha-256 for this user and address in its pg_hba.conf",
                assertInstanceOf(ClientFailure.Untrusted.class, talk.failure.orElseThrow()).reason());
        assertTrue(talk.connected.isEmpty());
    }

    private static ClientLogin withKeys(ScramKeys keys) {
        return new ClientLogin("a", Optional.empty(), SessionKind.ORDINARY, Map.of(), new Credential.Keys(keys));
    }
}
