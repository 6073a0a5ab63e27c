package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.protocol.handshake.Credential;
import io.walrelay.proxy.conninfo.Conninfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The password of sessions that are the relay's own role upstream: read by whoever begins the login, not by the event loop that it runs on. */
final class OwnCredentialTest {

    @TempDir
    private Path directory;

    private Optional<String> password(String line) throws IOException {
        Path file = directory.resolve("passwords");
        Files.writeString(file, line);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        Conninfo conninfo = Conninfo.parse("host=pg1 user=walrelay dbname=shop sslmode=disable passfile=" + file, Map.of());
        Credential own = new UpstreamDialer(conninfo, "relay", TestLink.QUICK).ownCredential(conninfo.hosts().getFirst());
        Files.delete(file);
        return own instanceof Credential.Password(var ask) ? ask.get() : Optional.empty();
    }

    @Test
    void itIsThereBeforeTheServerAsks() throws IOException {
        assertEquals(Optional.of("secret"), password("pg1:5432:replication:walrelay:secret\n"));
        assertEquals(Optional.of("other"), password("pg1:5432:shop:walrelay:other\n"));
        assertEquals(Optional.empty(), password("pg2:5432:*:walrelay:secret\n"));
    }
}
