package io.walrelay.protocol.handshake;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.protocol.handshake.RequireAuth.Method;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequireAuthTest {

    @Test
    void readsAListOfMethodsAndOfForbiddenOnes() {
        assertEquals(EnumSet.allOf(Method.class), RequireAuth.parse("").allowed());
        assertEquals(Set.of(Method.SCRAM_SHA_256, Method.MD5), RequireAuth.parse("scram-sha-256,md5").allowed());
        assertEquals(Set.of(Method.NONE), RequireAuth.parse("none").allowed());
        assertEquals(
                Set.of(Method.MD5, Method.GSS, Method.SSPI, Method.SCRAM_SHA_256),
                RequireAuth.parse("!password,!none").allowed());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "scram|invalid require_auth value: \"scram\"; expected password, md5, gss, sspi, scram-sha-256 or none",
                "md5,|invalid require_auth value: \"\"; expected password, md5, gss, sspi, scram-sha-256 or none",
                "md5,md5|require_auth method \"md5\" is specified more than once",
                "!md5,password|require_auth method \"password\" cannot be mixed with negative methods",
                "md5,!password|negative require_auth method \"!password\" cannot be mixed with non-negative methods",
            })
    void refusesWhatIsNoList(String text, String message) {
        assertEquals(
                message,
                assertThrows(IllegalArgumentException.class, () -> RequireAuth.parse(text)).getMessage());
    }
}
