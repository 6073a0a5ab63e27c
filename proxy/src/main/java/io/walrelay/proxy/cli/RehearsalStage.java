package io.walrelay.proxy.cli;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * Who a rehearsal plays with, on loopback: a PostgreSQL that agrees on TLS and refuses then, and a relay whose change index knows of one block. Neither
 * outlives the rehearsal, and nobody else connects.
 */
final class RehearsalStage implements Closeable {

    private static final char[] PASSWORD = "rehearsal".toCharArray();

    /** protocol.h: an SSLRequest is its length and its code. */
    private static final int SSL_REQUEST_SIZE = 8;

    /** A rehearsal is in somebody's way. */
    private static final int LIMIT_MILLIS = 5_000;

    private static final int LIMIT_SECONDS_OF_KEYTOOL = 20;
    private static final int LONGEST_STARTUP = 10_000;

    /** What takes one connection. */
    private interface Role {
        void play(Socket connection) throws IOException;
    }

    private final List<ServerSocket> listening = new ArrayList<>();

    /** A PostgreSQL's port. {@code directory} is where the key lies meanwhile that the JDK's keytool makes. */
    int postgres(Path directory) throws IOException {
        SSLContext context = context(directory.resolve("rehearsal.p12"));
        return listen(connection -> refuse(connection, context));
    }

    /** A relay's HTTP port. */
    int relay() throws IOException {
        return listen(RehearsalStage::answer);
    }

    private int listen(Role role) throws IOException {
        ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        listening.add(server);
        Thread.ofPlatform().daemon().name("rehearsal").start(() -> {
            while (!server.isClosed()) {
                try (Socket connection = server.accept()) {
                    connection.setSoTimeout(LIMIT_MILLIS);
                    role.play(connection);
                } catch (IOException | RuntimeException done) {
                    // Whoever that was; what is not rehearsed is only slower.
                }
            }
        });
        return server.getLocalPort();
    }

    private static void refuse(Socket connection, SSLContext context) throws IOException {
        var _ = connection.getInputStream().readNBytes(SSL_REQUEST_SIZE);
        connection.getOutputStream().write('S');
        try (SSLSocket secure = (SSLSocket) context.getSocketFactory().createSocket(connection, null, connection.getPort(), true)) {
            secure.setUseClientMode(false);
            DataInputStream in = new DataInputStream(secure.getInputStream());
            var _ = in.readNBytes(Math.clamp(in.readInt() - Integer.BYTES, 0, LONGEST_STARTUP));
            byte[] fields = "SFATAL\0C57P03\0Mthis is a rehearsal\0\0".getBytes(StandardCharsets.US_ASCII);
            DataOutputStream out = new DataOutputStream(secure.getOutputStream());
            out.writeByte('E');
            out.writeInt(Integer.BYTES + fields.length);
            out.write(fields);
            out.flush();
        }
    }

    private static void answer(Socket connection) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(connection.getInputStream(), StandardCharsets.US_ASCII));
        for (String request = in.readLine(); request != null; request = in.readLine()) {
            String line = in.readLine();
            while (line != null && !line.isEmpty()) {
                line = in.readLine();
            }
            byte[] body = body(request).getBytes(StandardCharsets.US_ASCII);
            connection.getOutputStream().write("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n".formatted(body.length).getBytes(StandardCharsets.US_ASCII));
            connection.getOutputStream().write(body);
        }
    }

    private static String body(String request) {
        if (request.contains("/changes")) {
            return "{\"relation\":\"1663/5/16384\",\"others\":[[1,1]]}\n{\"end\":{},\"to\":\"0/1\"}\n";
        }
        return request.contains("/segments")
                ? "{\"segment\":\"000000010000000000000001\",\"start\":\"0/1000000\",\"crc32c\":\"00000000\"}\n{\"end\":{}}\n"
                : "{}";
    }

    private static SSLContext context(Path store) throws IOException {
        run(List.of(Path.of(System.getProperty("java.home"), "bin/keytool").toString(), "-genkeypair", "-alias", "rehearsal", "-keyalg", "RSA", "-dname", "CN=localhost",
                "-validity", "1", "-storetype", "PKCS12", "-keystore", store.toString(), "-storepass", new String(PASSWORD)));
        try (InputStream in = Files.newInputStream(store)) {
            KeyStore keys = KeyStore.getInstance("PKCS12");
            keys.load(in, PASSWORD);
            KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
            managers.init(keys, PASSWORD);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(managers.getKeyManagers(), null, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("no TLS to rehearse with", e);
        }
    }

    private static void run(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        try {
            if (!process.waitFor(LIMIT_SECONDS_OF_KEYTOOL, TimeUnit.SECONDS)) {
                throw new IOException("%s takes longer than %d s".formatted(command.getFirst(), LIMIT_SECONDS_OF_KEYTOOL));
            }
            if (process.exitValue() != 0) {
                throw new IOException("%s exited with %d".formatted(command.getFirst(), process.exitValue()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while %s runs".formatted(command.getFirst()));
        } finally {
            process.destroyForcibly();
        }
    }

    @Override
    public void close() throws IOException {
        for (ServerSocket server : listening) {
            server.close();
        }
    }
}
