package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.walrelay.protocol.handshake.AuthenticationDecision;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.StartupRequest;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.proxy.auth.Hba;
import io.walrelay.proxy.auth.Users;
import java.nio.file.attribute.UserPrincipal;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PeerUserTest {

    private static final Users NOBODY = new Users() {
        @Override
        public CompletionStage<Lookup> find(String user) {
            return CompletableFuture.completedFuture(new Lookup.Unknown());
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    };

    private final AtomicInteger lookUps = new AtomicInteger();
    private final CompletableFuture<Optional<String>> systemUser = new CompletableFuture<>();

    private CompletableFuture<Authenticator.Admission> decide(String method) throws Exception {
        var authenticator = new HbaAuthenticator(Hba.parse(List.of("local all all " + method)), NOBODY, InstantSource.system());
        var client = new Authenticator.Client(
                Optional.empty(),
                () -> {
                    lookUps.incrementAndGet();
                    return systemUser;
                },
                false,
                Optional.empty());
        return authenticator.decide(new StartupRequest("backup", "shop", SessionKind.ORDINARY, ProtocolVersion.V3_2, Optional.empty(), Map.of()), client)
                .toCompletableFuture();
    }

    @Test
    void nobodyWaitsForTheLookUpAndOnlyARuleThatSaysPeerWantsOne() throws Exception {
        decide("trust").join();
        decide("scram-sha-256").join();
        assertEquals(0, lookUps.get());
        CompletableFuture<Authenticator.Admission> byPeer = decide("peer");
        assertEquals(1, lookUps.get());
        assertFalse(byPeer.isDone());
        systemUser.complete(Optional.of("backup"));
        assertInstanceOf(AuthenticationDecision.Trust.class, byPeer.join().decision());
    }

    @Test
    void anotherUserOrOneWithoutANameIsRefused() throws Exception {
        systemUser.complete(Optional.of("postgres"));
        assertInstanceOf(AuthenticationDecision.Reject.class, decide("peer").join().decision());
        systemUser.obtrudeValue(Optional.empty());
        assertInstanceOf(AuthenticationDecision.Reject.class, decide("peer").join().decision());
    }

    /** As Java names them: by the number, where the system has no name. */
    @Test
    void aNumberIsNoName() {
        assertEquals(Optional.of("backup"), PeerUser.name(owned(1_000, "backup"), 1_000));
        assertEquals(Optional.empty(), PeerUser.name(owned(1_000, "1000"), 1_000));
        assertEquals(Optional.empty(), PeerUser.name(owned(-2, "4294967294"), -2));
        assertEquals(Optional.empty(), PeerUser.name(owned(1_001, "backup"), 1_000), "another process by now");
    }

    private static Map<String, Object> owned(int uid, String name) {
        UserPrincipal owner = () -> name;
        return Map.of("uid", uid, "owner", owner);
    }
}
