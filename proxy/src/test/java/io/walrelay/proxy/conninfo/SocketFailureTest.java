package io.walrelay.proxy.conninfo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SocketFailureTest {

    /** As Netty's native transport, its portable one and the JDK say it. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "finishConnect(..) failed with error(-111): Connection refused: /127.0.0.1:5432 | Connection refused",
        "bind(..) failed with error(-98): Address already in use | Address already in use",
        "connect(..) failed: Network is unreachable: pg1/192.0.2.1:5432 | Network is unreachable",
        "Connection refused: localhost/[0:0:0:0:0:0:0:1]:5432 | Connection refused",
        "Permission denied | Permission denied"
    })
    void onlyWhatTheSystemSaysIsLeft(String said, String left) {
        assertEquals(left, SocketFailure.message(new IOException(said)));
    }
}
