package io.walrelay.proxy.servers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.conninfo.Conninfo;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SqlTargetTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "require_auth=scram-sha-256 | scram-sha-256",
                "require_auth=oauth,md5 | md5",
                "require_auth=!password,!none | gss,md5,scram-sha-256,sspi",
                "require_auth=oauth | !gss,!md5,!none,!password,!scram-sha-256,!sspi",
                "require_auth=!oauth |",
                "application_name=x |"
            })
    void sqlSessionsRequireTheSameWaysToAuthenticate(String text, String expected) throws IOException {
        SqlTarget target = SqlTarget.of(Conninfo.parse("host=h user=u " + text, Map.of()), "test").getFirst();
        assertEquals(expected, target.properties().getProperty("requireAuth"));
    }
}
