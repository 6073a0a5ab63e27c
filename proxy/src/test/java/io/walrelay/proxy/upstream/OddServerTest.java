package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.state.UpstreamStatus.State;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server that speaks the protocol and answers as no PostgreSQL does. */
@Timeout(60)
class OddServerTest {

    @TempDir
    private Path directory;

    @Test
    void anAnswerWithoutRowsIsAReasonAndNoEndOfTheLink() throws IOException {
        try (ServerSocket listener = new ServerSocket(0, 50, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
            Thread.ofVirtual().start(() -> accept(listener));
            try (TestLink relay = TestLink.start(
                    directory.resolve("data"), "host=127.0.0.1 port=%d user=u sslmode=disable".formatted(listener.getLocalPort()))) {
                relay.awaitProblem("IDENTIFY_SYSTEM was answered with nothing; expected a row of 3 columns");
                Await.until("it to wait", TestLink.SOON, () -> relay.state.upstream().state() == State.WAITING);
                Await.until("it to be asked again", TestLink.SOON, () -> relay.state.upstream().state() == State.CONNECTING);
                relay.awaitProblem("IDENTIFY_SYSTEM was answered with nothing");
                assertEquals(0, relay.fatal.size(), relay.fatal::toString);
            }
        }
    }

    private static void accept(ServerSocket listener) {
        while (!listener.isClosed()) {
            try {
                Socket socket = listener.accept();
                Thread.ofVirtual().start(() -> serve(socket));
            } catch (SocketException e) {
                return;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static void serve(Socket socket) {
        try (socket) {
            DataInputStream in = new DataInputStream(socket.getInputStream());
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            in.skipNBytes(in.readInt() - 4);
            message(out, 'R', new byte[4]);
            message(out, 'S', "server_version\0" + "15.18\0");
            message(out, 'Z', "I");
            for (int type = in.read(); type == 'Q'; type = in.read()) {
                String query = new String(in.readNBytes(in.readInt() - 4), StandardCharsets.UTF_8);
                if (query.startsWith("SHOW")) {
                    ByteArrayOutputStream row = new ByteArrayOutputStream();
                    DataOutputStream fields = new DataOutputStream(row);
                    fields.writeShort(1);
                    fields.writeInt(4);
                    fields.writeBytes("8192");
                    message(out, 'D', row.toByteArray());
                }
                message(out, 'C', "SELECT\0");
                message(out, 'Z', "I");
            }
        } catch (IOException e) {
            // The relay has left.
        }
    }

    private static void message(DataOutputStream out, char type, String body) throws IOException {
        message(out, type, body.getBytes(StandardCharsets.UTF_8));
    }

    private static void message(DataOutputStream out, char type, byte[] body) throws IOException {
        out.writeByte(type);
        out.writeInt(body.length + 4);
        out.write(body);
    }
}
