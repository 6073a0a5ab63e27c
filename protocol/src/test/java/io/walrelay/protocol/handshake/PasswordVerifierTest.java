package io.walrelay.protocol.handshake;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.Secret;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PasswordVerifierTest {

    /** CREATE ROLE a PASSWORD 'secret', PostgreSQL 15. */
    static final String POSTGRES_SECRET = "SCRAM-SHA-256$4096:vNTVuGGjZU6qMzAFoq6HpA=="
            + "$dPdBZtMHRAhbo+Qof0Zmzo87Ykz3zjYpNNRCM2NoXoo=:39Ve7oROV8zvFbLJ68bAapYamvkUmo2ux1+N7JrFPV8=";
    /** CREATE ROLE b PASSWORD E'\u2168 \u00e9t\u00e9\u00ad', PostgreSQL 15: SASLprep makes it "IX été". */
    static final String POSTGRES_PREPARED = "SCRAM-SHA-256$4096:wJEA0KbWlj+eObgZzKnLCA=="
            + "$i5TFU6J/x4k885Eb+GwZsiCAZIGB9T1TTgnMbNWtGXo=:NdpF8lywm+ykEqBGXqnV+GBctYH6jS+6VOFbFjeJvR4=";
    /** CREATE ROLE c PASSWORD 'secret' with password_encryption = md5, PostgreSQL 15. */
    static final String POSTGRES_MD5 = "md52265f33095301398e9101e21cd74f87c";

    private static boolean matches(String rolpassword, String user, String password) {
        return PasswordVerifier.parse(rolpassword).matches(user, Secret.utf8(password));
    }

    @Test
    void knowsPasswordsAgainThatPostgresStored() {
        assertTrue(matches(POSTGRES_SECRET, "a", "secret"));
        assertFalse(matches(POSTGRES_SECRET, "a", "Secret"));
        assertTrue(matches(POSTGRES_PREPARED, "b", "\u2168 \u00e9t\u00e9\u00ad"));
        assertTrue(matches(POSTGRES_PREPARED, "b", "IX e\u0301te\u0301"));
        assertTrue(matches(POSTGRES_MD5, "c", "secret"));
        assertFalse(matches(POSTGRES_MD5, "d", "secret"));
    }

    @Test
    void makesTheVerifierThatPostgresMakes() {
        byte[] salt = Base64.getDecoder().decode("wJEA0KbWlj+eObgZzKnLCA==");
        assertEquals(POSTGRES_PREPARED, PasswordVerifier.Scram.of("\u2168 \u00e9t\u00e9\u00ad", salt, 4096).rolpassword());
        assertEquals(POSTGRES_MD5, PasswordVerifier.Md5.of("secret", "c").rolpassword());
    }

    @Test
    void takesAFreshSaltOf16BytesAnd4096Iterations() {
        SecureRandom random = new SecureRandom();
        PasswordVerifier.Scram one = PasswordVerifier.Scram.of("secret", random);
        PasswordVerifier.Scram other = PasswordVerifier.Scram.of("secret", random);
        assertEquals(16, one.salt().length());
        assertEquals(4096, one.iterations());
        assertFalse(one.salt().equals(other.salt()));
    }

    @Test
    void takesAForbiddenPasswordAsItIs() {
        // U+0007 is prohibited, U+00AD alone is mapped to nothing, 0xE9 is not UTF-8.
        byte[] salt = new byte[16];
        assertTrue(PasswordVerifier.Scram.of("\u00e9\u0007\u2168", salt, 1).matches("u", Secret.utf8("\u00e9\u0007\u2168")));
        assertFalse(PasswordVerifier.Scram.of("\u00e9\u0007\u2168", salt, 1).matches("u", Secret.utf8("\u00e9\u0007IX")));
        assertTrue(PasswordVerifier.Scram.of("\u00ad", salt, 1).matches("u", Secret.utf8("\u00ad")));
        assertFalse(PasswordVerifier.Scram.of("\u00e9", salt, 1).matches("u", Secret.of(new byte[] {(byte) 0xE9})));
    }

    @Test
    void takesWhateverBytesAStrangerSendsAsAPassword() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        PasswordVerifier verifier = PasswordVerifier.Scram.of("secret", new byte[16], 1);
        for (int i = 0; i < 20_000; i++) {
            byte[] password;
            if (random.nextBoolean()) {
                password = new byte[1 + random.nextInt(8)];
                random.nextBytes(password);
            } else {
                int[] codePoints = random.ints(1 + random.nextInt(4), 1, Character.MAX_CODE_POINT + 1).toArray();
                password = new String(codePoints, 0, codePoints.length).getBytes(StandardCharsets.UTF_8);
            }
            assertFalse(
                    assertDoesNotThrow(() -> verifier.matches("u", Secret.of(password)), () -> "-Dwalrelay.seed=" + seed),
                    () -> "-Dwalrelay.seed=" + seed);
        }
    }

    @Test
    void readsWhatItWrites() {
        PasswordVerifier made = PasswordVerifier.Scram.of("secret", new SecureRandom());
        assertEquals(made, PasswordVerifier.parse(made.rolpassword()));
        assertInstanceOf(PasswordVerifier.Md5.class, PasswordVerifier.parse(POSTGRES_MD5));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "hunter2",
                "md5",
                "md52265F33095301398E9101E21CD74F87C",
                "md52265f33095301398e9101e21cd74f87",
                "SCRAM-SHA-256$4096:vNTVuGGjZU6qMzAFoq6HpA==$dPdB:39Ve",
                "SCRAM-SHA-256$0:vNTVuGGjZU6qMzAFoq6HpA==$dPdBZtMHRAhbo+Qof0Zmzo87Ykz3zjYpNNRCM2NoXoo=:39Ve7oROV8zvFbLJ68bAapYamvkUmo2ux1+N7JrFPV8=",
                "SCRAM-SHA-256$4294967296:vNTVuGGjZU6qMzAFoq6HpA==$dPdBZtMHRAhbo+Qof0Zmzo87Ykz3zjYpNNRCM2NoXoo=:39Ve7oROV8zvFbLJ68bAapYamvkUmo2ux1+N7JrFPV8=",
                "SCRAM-SHA-256$4096:vNTVuGGjZU6qMzAFoq6H=A==$dPdBZtMHRAhbo+Qof0Zmzo87Ykz3zjYpNNRCM2NoXoo=:39Ve7oROV8zvFbLJ68bAapYamvkUmo2ux1+N7JrFPV8=",
            })
    void refusesWhatPostgresWouldNotStoreAndDoesNotShowIt(String rolpassword) {
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> PasswordVerifier.parse(rolpassword));
        assertFalse(rolpassword.length() > 3 && String.valueOf(refusal.getMessage()).contains(rolpassword));
    }

    @Test
    void refusesAnEmptyPassword() {
        assertThrows(IllegalArgumentException.class, () -> PasswordVerifier.Scram.of("", new byte[16], 1));
    }

    @Test
    void showsNoSecretsWhenPrinted() {
        assertEquals(
                "Scram[iterations=4096, salt=(16 bytes), storedKey=(32 bytes), serverKey=(32 bytes)]",
                PasswordVerifier.parse(POSTGRES_SECRET).toString());
        assertEquals("Md5[hash=(32 bytes)]", PasswordVerifier.parse(POSTGRES_MD5).toString());
    }

    @Test
    void mocksAreTheSameForAUserAndDifferBetweenUsersAndProcesses() {
        MockVerifiers mocks = Conversation.MOCKS;
        assertEquals(mocks.forUser("nobody"), mocks.forUser("nobody"));
        assertFalse(mocks.forUser("nobody").salt().equals(mocks.forUser("noone").salt()));
        SecureRandom random = new SecureRandom();
        assertFalse(MockVerifiers.random(random)
                .forUser("nobody")
                .salt()
                .equals(MockVerifiers.random(random).forUser("nobody").salt()));
    }
}
