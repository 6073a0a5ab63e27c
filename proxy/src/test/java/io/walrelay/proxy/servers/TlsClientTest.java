package io.walrelay.proxy.servers;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.conninfo.Conninfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which files TLS is set up from. */
class TlsClientTest {

    @TempDir
    private Path home;

    @Test
    void readsNoFilesWhenTlsIsDisabled() throws Exception {
        Files.writeString(Files.createDirectory(home.resolve(".postgresql")).resolve("postgresql.crt"), "no certificate");
        Map<String, String> environment = Map.of("HOME", home.toString());
        TlsClient.of(Conninfo.parse("host=h user=u sslmode=disable", environment));
        IOException demanded =
                assertThrows(IOException.class, () -> TlsClient.of(Conninfo.parse("host=h user=u sslmode=require", environment)));
        assertTrue(String.valueOf(demanded.getMessage()).contains("but not private key file"), demanded::toString);
    }
}
