package io.walrelay.proxy.acknowledge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy.All;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy.Any;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy.First;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy.Own;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class AcknowledgePolicyTest {

    static Stream<Arguments> policies() {
        return Stream.of(
                Arguments.of("own", new Own(), "own"),
                Arguments.of(" OWN ", new Own(), "own"),
                Arguments.of("any 1 (a)", new Any(1, List.of("a")), "any 1 (a)"),
                Arguments.of("ANY 2(a,b , c)", new Any(2, List.of("a", "b", "c")), "any 2 (a, b, c)"),
                Arguments.of("First 1 (B, a)", new First(1, List.of("B", "a")), "first 1 (B, a)"),
                Arguments.of("all (a, b)", new All(List.of("a", "b")), "all (a, b)"),
                Arguments.of("all (all, any, first, own)", new All(List.of("all", "any", "first", "own")), "all (all, any, first, own)"),
                // As PostgreSQL has it, a number may be a name; what is no identifier needs quotes.
                Arguments.of("any 2 (1, \"pg-2\")", new Any(2, List.of("1", "pg-2")), "any 2 (\"1\", \"pg-2\")"),
                Arguments.of("all (\"a\"\"b, (c)\", \"*\")", new All(List.of("a\"b, (c)", "*")), "all (\"a\"\"b, (c)\", \"*\")"));
    }

    @ParameterizedTest
    @MethodSource("policies")
    void readsPoliciesAndWritesThemSoThatTheyCanBeReadAgain(String text, AcknowledgePolicy expected, String written) {
        AcknowledgePolicy policy = AcknowledgePolicy.parse(text);
        assertEquals(expected, policy);
        assertEquals(written, policy.toString());
        assertEquals(expected, AcknowledgePolicy.parse(written));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\'', value = {
        "''                    | a word is missing at its end",
        "a, b                  | the first word is none of own, any, first and all",
        "2 (a, b)              | a word is missing before \"2\"",
        "own (a)               | \"(\" is left at its end",
        "any (a)               | a number is missing before \"(\"",
        "any 0 (a)             | the number is not one from 1 to 1, as many as standbys are named",
        "any 3 (a, b)          | the number is not one from 1 to 2, as many as standbys are named",
        "first 99999999999 (a) | the number is not one from 1 to 1, as many as standbys are named",
        "all a                 | ( is missing before \"a\"",
        "all ()                | the name of a standby is missing",
        "all (a,)              | the name of a standby is missing",
        "all (a                | ) or , is missing at its end",
        "all (a) b             | \"b\" is left at its end",
        "all (a, A)            | \"A\" is named twice",
        "any 1 (*)             | * names nobody",
        "all (a-b)             | has to be in double quotes",
        "all (\"\")            | has to be in double quotes",
    })
    void saysWhatIsWrong(String text, String why) {
        String message = String.valueOf(assertThrows(IllegalArgumentException.class, () -> AcknowledgePolicy.parse(text)).getMessage());
        assertTrue(message.contains(why), message);
    }

    @Test
    void onlyOwnWaitsForNobody() {
        assertFalse(AcknowledgePolicy.parse("own").waitsForStandbys());
        assertTrue(AcknowledgePolicy.parse("any 1 (a)").waitsForStandbys());
    }
}
