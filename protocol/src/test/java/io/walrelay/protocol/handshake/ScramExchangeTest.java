package io.walrelay.protocol.handshake;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.Secret;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The example of RFC 7677, section 3, and what may be wrong with it. */
class ScramExchangeTest {

    private static final String CLIENT_FIRST = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    private static final String SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    private static final String SERVER_FIRST =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    private static final String FINAL_WITHOUT_PROOF = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    private static final String PROOF = ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    private static final String SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    private static final byte[] SALT = Base64.getDecoder().decode("W22ZaJ0SNY7soEsUEjb6gQ==");
    private static final PasswordVerifier.Scram PENCIL = PasswordVerifier.Scram.of("pencil", SALT, 4096);

    private static ScramExchange exchange(Optional<Secret> binding, boolean bound) {
        return new ScramExchange(PENCIL, false, binding, bound, () -> SERVER_NONCE);
    }

    private static ScramExchange.Step step(ScramExchange exchange, String message) {
        return exchange.step(message.getBytes(StandardCharsets.UTF_8));
    }

    private static Diagnostic refusal(ScramExchange.Step step) {
        return assertInstanceOf(ScramExchange.Step.Refused.class, step).diagnostic();
    }

    @Test
    void goesThroughTheExampleOfRfc7677() {
        ScramExchange exchange = exchange(Optional.empty(), false);
        assertEquals(new ScramExchange.Step.Challenge(Secret.utf8(SERVER_FIRST)), step(exchange, CLIENT_FIRST));
        ScramExchange.Step.Proved proved =
                assertInstanceOf(ScramExchange.Step.Proved.class, step(exchange, FINAL_WITHOUT_PROOF + PROOF));
        assertEquals(SERVER_FINAL, proved.serverFinal().utf8());
        assertEquals(PENCIL.serverKey(), proved.keys().serverKey());
        assertEquals(
                PENCIL.storedKey(),
                Secret.of(ScramSha256.storedKey(proved.keys().clientKey().bytes())));
    }

    @Test
    void aDoomedExchangeFailsWithTheRightProof() {
        ScramExchange exchange = new ScramExchange(PENCIL, true, Optional.empty(), false, () -> SERVER_NONCE);
        assertInstanceOf(ScramExchange.Step.Challenge.class, step(exchange, CLIENT_FIRST));
        assertEquals(new ScramExchange.Step.WrongProof(), step(exchange, FINAL_WITHOUT_PROOF + PROOF));
    }

    @Test
    void aProofFromAnotherExchangeIsWrong() {
        ScramExchange exchange = new ScramExchange(PENCIL, false, Optional.empty(), false, () -> "another");
        assertInstanceOf(ScramExchange.Step.Challenge.class, step(exchange, CLIENT_FIRST));
        Diagnostic nonce = refusal(step(exchange, FINAL_WITHOUT_PROOF + PROOF));
        assertEquals("FATAL: invalid SCRAM response (08P01) DETAIL: Nonce does not match.", nonce.toString());

        ScramExchange patched = new ScramExchange(PENCIL, false, Optional.empty(), false, () -> "another");
        assertInstanceOf(ScramExchange.Step.Challenge.class, step(patched, CLIENT_FIRST));
        assertEquals(
                new ScramExchange.Step.WrongProof(),
                step(patched, "c=biws,r=rOprNGfwEbeRWgbNEkqOanother" + PROOF));
    }

    @Test
    void takesTheEmptyUserNameThatLibpqSends() {
        assertInstanceOf(
                ScramExchange.Step.Challenge.class, step(exchange(Optional.empty(), false), "n,,n=,r=rOprNGfwEbeRWgbNEkqO"));
    }

    @Test
    void ignoresExtensionsBeforeTheProofAndProvesThemToo() {
        ScramExchange exchange = exchange(Optional.empty(), false);
        step(exchange, CLIENT_FIRST);
        assertEquals(new ScramExchange.Step.WrongProof(), step(exchange, FINAL_WITHOUT_PROOF + ",x=1" + PROOF));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``|08P01|malformed SCRAM message|The message is empty.",
                "z,,n=,r=x|08P01|malformed SCRAM message|Unexpected channel-binding flag \"'z'\".",
                "n;,n=,r=x|08P01|malformed SCRAM message|Comma expected, but found character \"';'\".",
                "n|08P01|malformed SCRAM message|Comma expected, but found character \"0x00\".",
                "n,|08P01|malformed SCRAM message|Unexpected attribute \"0x00\" in client-first-message.",
                "n,a=admin,n=,r=x|0A000|client uses authorization identity, but it is not supported|",
                "n,,m=1,n=,r=x|0A000|client requires an unsupported SCRAM extension|",
                "n,,r=x|08P01|malformed SCRAM message|Expected attribute \"n\" but found \"'r'\".",
                "n,,n=,r|08P01|malformed SCRAM message|Expected character \"=\" for attribute \"r\".",
                "n,,n=,r=é|08P01|non-printable characters in SCRAM nonce|",
                "n,,n=,r=x,1=2|08P01|malformed SCRAM message|Attribute expected, but found invalid character \"'1'\".",
                "p=tls-server-end-point,,n=,r=x|08P01|malformed SCRAM message|The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.",
            })
    void refusesABadClientFirst(String message, String sqlState, String text, String detail) {
        Diagnostic refusal = refusal(step(exchange(Optional.empty(), false), message));
        Diagnostic expected = Diagnostic.fatal(sqlState, text);
        assertEquals(detail == null ? expected : expected.withDetail(detail), refusal);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "r=x|malformed SCRAM message|Expected attribute \"c\" but found \"'r'\".",
                "c=eSws,r=x,p=AAAA|unexpected SCRAM channel-binding attribute in client-final-message|",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0|malformed SCRAM message|Attribute expected, but found end of string.",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=AAAA|malformed SCRAM message|Malformed proof in client-final-message.",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=*|malformed SCRAM message|Malformed proof in client-final-message.",
                "c=biws,r=x,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,x=1|malformed SCRAM message|Garbage found at the end of client-final-message.",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=|invalid SCRAM response|Nonce does not match.",
            })
    void refusesABadClientFinal(String message, String text, String detail) {
        ScramExchange exchange = exchange(Optional.empty(), false);
        step(exchange, CLIENT_FIRST);
        Diagnostic expected = Diagnostic.fatal("08P01", text);
        assertEquals(detail == null ? expected : expected.withDetail(detail), refusal(step(exchange, message)));
    }

    @Test
    void refusesAZeroByteInAMessage() {
        assertEquals(
                Optional.of("Message length does not match input length."),
                refusal(step(exchange(Optional.empty(), false), CLIENT_FIRST + "\0")).detail());
    }

    @Test
    void refusesAClientThatThinksThatPlusWasNotOffered() {
        assertEquals(
                Diagnostic.fatal("28000", "SCRAM channel binding negotiation error")
                        .withDetail("The client supports SCRAM channel binding but thinks the server does not."
                                + "  However, this server does support channel binding."),
                refusal(step(exchange(Optional.of(Conversation.CERTIFICATE_HASH), false), "y,,n=,r=x")));
        assertInstanceOf(
                ScramExchange.Step.Challenge.class, step(exchange(Optional.empty(), false), "y,,n=,r=x"));
    }

    @Test
    void plusNeedsItsFlagAndTheOnlyTypeThatPostgresKnows() {
        Optional<Secret> binding = Optional.of(Conversation.CERTIFICATE_HASH);
        assertEquals(
                Optional.of("The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data."),
                refusal(step(exchange(binding, true), CLIENT_FIRST)).detail());
        assertEquals(
                Diagnostic.fatal("08P01", "unsupported SCRAM channel-binding type \"tls-unique\""),
                refusal(step(exchange(binding, true), "p=tls-unique,,n=,r=x")));
    }
}
