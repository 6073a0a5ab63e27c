package io.walrelay.proxy.testkit;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;

/**
 * A Kerberos credential cache with a ticket that no server would take (MIT's format, version 4). With it libpq believes that it could
 * encrypt by GSSAPI and asks for that, which it does for nobody without a ticket.
 *
 * <pre>
 *   05 04 | length of the header 0 | default principal | client, server krbtgt/REALM, key, times, flags, addresses, ticket
 *   principal: type, number of components, realm, components; each text with its length before it
 * </pre>
 */
public final class KerberosCache {

    private static final String REALM = "WALRELAY.TEST";
    private static final int NAME_OF_A_PRINCIPAL = 1;
    private static final int NAME_OF_A_SERVICE = 2;
    private static final int AES256 = 18;
    private static final int KEY_LENGTH = 32;
    private static final int HOUR = 3600;

    private KerberosCache() {}

    /** Writes a cache for {@code user} into {@code directory}; the environment that makes libkrb5 use it and no file of this machine. */
    public static Map<String, String> environment(Path directory, String user) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeShort(0x0504);
        out.writeShort(0);
        principal(out, NAME_OF_A_PRINCIPAL, user);
        principal(out, NAME_OF_A_PRINCIPAL, user);
        principal(out, NAME_OF_A_SERVICE, "krbtgt", REALM);
        out.writeShort(AES256);
        data(out, new byte[KEY_LENGTH]);
        int now = (int) Instant.now().getEpochSecond();
        out.writeInt(now - HOUR);
        out.writeInt(now - HOUR);
        out.writeInt(now + HOUR);
        out.writeInt(0);
        out.writeByte(0);
        out.writeInt(0);
        out.writeInt(0);
        out.writeInt(0);
        data(out, new byte[] {1});
        data(out, new byte[0]);
        Path file = Files.write(directory.resolve("krb5cc"), bytes.toByteArray());
        return Map.of("KRB5CCNAME", "FILE:" + file, "KRB5_CONFIG", "/dev/null");
    }

    private static void principal(DataOutputStream out, int type, String... components) throws IOException {
        out.writeInt(type);
        out.writeInt(components.length);
        data(out, REALM.getBytes(StandardCharsets.US_ASCII));
        for (String component : components) {
            data(out, component.getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static void data(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }
}
