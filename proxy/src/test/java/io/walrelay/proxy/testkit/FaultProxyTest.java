package io.walrelay.proxy.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.testkit.FaultProxy.Cut;
import io.walrelay.proxy.testkit.FaultProxy.Direction;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Client and server are two sockets of this test, the proxy is between them. */
@Timeout(30)
class FaultProxyTest {

    private final ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    private final FaultProxy proxy = FaultProxy.to(listener.getLocalPort());
    private Socket client = new Socket();
    private Socket server = new Socket();

    FaultProxyTest() throws IOException {}

    @BeforeEach
    void connect() throws IOException {
        client = new Socket(InetAddress.getLoopbackAddress(), proxy.port());
        server = listener.accept();
        client.setSoTimeout(10_000);
        server.setSoTimeout(10_000);
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        server.close();
        proxy.close();
        listener.close();
    }

    @Test
    void carriesBytesBothWaysAndRecordsThem() throws IOException {
        proxy.record(Direction.TO_SERVER);
        client.getOutputStream().write("ping".getBytes(US_ASCII));
        assertEquals("ping", read(server, 4));
        server.getOutputStream().write("pong".getBytes(US_ASCII));
        assertEquals("pong", read(client, 4));
        Await.until("the record", Duration.ofSeconds(5), () -> proxy.carried(Direction.TO_SERVER), bytes -> bytes == 4);
        assertArrayEquals(new byte[] {'p', 'i', 'n', 'g'}, proxy.recorded(Direction.TO_SERVER));
        assertArrayEquals(new byte[0], proxy.recorded(Direction.TO_CLIENT));
    }

    @Test
    void passesOnAnEndOfOneDirectionAndKeepsTheOther() throws IOException {
        client.shutdownOutput();
        assertEquals(-1, server.getInputStream().read());
        server.getOutputStream().write("late".getBytes(US_ASCII));
        assertEquals("late", read(client, 4));
        server.close();
        assertEquals(-1, client.getInputStream().read());
        Await.until("the connection to be forgotten", Duration.ofSeconds(5), proxy::connectionCount, count -> count == 0);
    }

    @Test
    void aDelayHoldsBytesBackAndDoesNotLoseThem() throws IOException {
        proxy.delay(Direction.TO_SERVER, Duration.ofMillis(200));
        long begin = System.nanoTime();
        client.getOutputStream().write("slow".getBytes(US_ASCII));
        assertEquals("slow", read(server, 4));
        assertTrue(System.nanoTime() - begin >= 200_000_000);
    }

    @Test
    void aThrottleHoldsItsRate() throws IOException {
        proxy.throttle(Direction.TO_CLIENT, 100_000);
        long begin = System.nanoTime();
        server.getOutputStream().write(new byte[50_000]);
        assertEquals(50_000, client.getInputStream().readNBytes(50_000).length);
        long millis = (System.nanoTime() - begin) / 1_000_000;
        assertTrue(millis >= 450, () -> "50,000 bytes at 100,000 bytes/s took %d ms".formatted(millis));
    }

    @Test
    void aSilentNetworkCarriesNothingUntilItIsMended() throws IOException {
        proxy.goSilent();
        client.getOutputStream().write("held".getBytes(US_ASCII));
        server.setSoTimeout(200);
        assertThrows(SocketTimeoutException.class, () -> server.getInputStream().read());
        assertEquals(1, proxy.connectionCount());
        proxy.resume(Direction.TO_SERVER);
        server.setSoTimeout(10_000);
        assertEquals("held", read(server, 4));
    }

    @Test
    void aCutIsAnEndOrAResetAsAsked() throws IOException {
        proxy.cut(Cut.FIN);
        assertEquals(-1, client.getInputStream().read());
        assertEquals(-1, server.getInputStream().read());
        connect();
        proxy.cut(Cut.RST);
        assertThrows(SocketException.class, () -> client.getInputStream().read());
        assertThrows(SocketException.class, () -> server.getInputStream().read());
    }

    /** The server's side of a connection can be there before the proxy's own connect() has returned. */
    @Test
    void aResetIsOneHoweverYoungTheConnection() throws IOException {
        for (int round = 0; round < 500; round++) {
            proxy.cut(Cut.RST);
            assertThrows(SocketException.class, () -> client.getInputStream().read());
            assertThrows(SocketException.class, () -> server.getInputStream().read());
            client.close();
            server.close();
            connect();
        }
    }

    @Test
    void refusesNewConnectionsWhileTold() throws IOException {
        proxy.refuse(true);
        try (Socket refused = new Socket(InetAddress.getLoopbackAddress(), proxy.port())) {
            assertThrows(SocketException.class, () -> refused.getInputStream().read());
        }
        client.getOutputStream().write("open".getBytes(US_ASCII));
        assertEquals("open", read(server, 4));
    }

    private static String read(Socket socket, int bytes) throws IOException {
        return new String(socket.getInputStream().readNBytes(bytes), US_ASCII);
    }
}
