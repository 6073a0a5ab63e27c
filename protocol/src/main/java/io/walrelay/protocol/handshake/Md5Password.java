package io.walrelay.protocol.handshake;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** The two rounds of PostgreSQL's md5 method (md5_common.c). Results are 32 lower-case hexadecimal digits, without the prefix {@code md5}. */
final class Md5Password {

    private Md5Password() {}

    /** What rolpassword stores. */
    static String stored(byte[] password, String user) {
        return hex(password, user.getBytes(StandardCharsets.UTF_8));
    }

    /** What goes over the wire. */
    static String salted(String stored, byte[] salt) {
        return hex(stored.getBytes(StandardCharsets.US_ASCII), salt);
    }

    private static String hex(byte[] first, byte[] second) {
        return HexFormat.of().formatHex(ScramSha256.digest("MD5", first, second));
    }
}
