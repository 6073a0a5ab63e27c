package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.protocol.handshake.AuthenticationDecision;
import io.walrelay.protocol.handshake.AuthenticationDecision.Cert;
import io.walrelay.protocol.handshake.AuthenticationDecision.Md5;
import io.walrelay.protocol.handshake.AuthenticationDecision.Reject;
import io.walrelay.protocol.handshake.AuthenticationDecision.ScramSha256;
import io.walrelay.protocol.handshake.AuthenticationDecision.Trust;
import io.walrelay.protocol.handshake.PasswordVerifier;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.auth.UserEntry;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class SlotRightsTest {

    private static final Optional<PasswordVerifier> ONE = Optional.of(new PasswordVerifier.Md5(Secret.utf8("one")));
    private static final Optional<PasswordVerifier> OTHER = Optional.of(new PasswordVerifier.Md5(Secret.utf8("other")));
    private static final Optional<Diagnostic> NO_ATTRIBUTE = Optional.of(UserEntry.NOT_A_REPLICATION_ROLE);

    static Stream<Arguments> cases() {
        return Stream.of(
                Arguments.of("trusted for both", new Trust(), Optional.empty(), new Trust(), true),
                Arguments.of("trusted here, a password there", new ScramSha256(ONE), Optional.empty(), new Trust(), false),
                Arguments.of("a password here, trusted there", new Trust(), Optional.empty(), new ScramSha256(ONE), true),
                Arguments.of("the same password", new ScramSha256(ONE), Optional.empty(), new ScramSha256(ONE), true),
                Arguments.of("another one by now", new ScramSha256(OTHER), Optional.empty(), new ScramSha256(ONE), false),
                Arguments.of("another method", new ScramSha256(ONE), Optional.empty(), new Md5(ONE), false),
                Arguments.of("no attribute", new ScramSha256(ONE), NO_ATTRIBUTE, new ScramSha256(ONE), false),
                Arguments.of("the same certificate", new Cert(true), Optional.empty(), new Cert(true), true),
                Arguments.of("a certificate there that was not shown", new Cert(false), Optional.empty(), new Trust(), false),
                Arguments.of("no rule", new Reject(Diagnostic.fatal("28000", "no")), Optional.empty(), new Trust(), false));
    }

    @ParameterizedTest(name = "{0}: {4}")
    @MethodSource("cases")
    void whoCouldReplicateWithWhatHeProvedMayChangeSlots(
            String name, AuthenticationDecision replication, Optional<Diagnostic> afterwards, AuthenticationDecision proved, boolean may) {
        assertEquals(may, SlotRights.grants(new Authenticator.Admission(replication, afterwards), proved), name);
    }
}
