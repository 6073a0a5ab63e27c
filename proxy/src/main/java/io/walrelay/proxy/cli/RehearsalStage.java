package io.walrelay.proxy.cli;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
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
 * Who a rehearsal plays with, on loopback: a PostgreSQL that agrees on TLS and refuses then, and a {@link RehearsalRelay}. Neither outlives the rehearsal, and
 * nobody else connects.
 */
final class RehearsalStage implements Closeable {

    private static final char[] PASSWORD = "rehearsal".toCharArray();

    /** protocol.h: an SSLRequest is its length and its code. */
    private static final int SSL_REQUEST_SIZE = 8;

    /** A rehearsal is in somebody's way. */
    private static final int LIMIT_MILLIS = 5_000;

    private static final int LIMIT_SECONDS_OF_KEYTOOL = 20;
    private static final int LONGEST_STARTUP = 10_000;

    /** What takes a connection. */
    interface Role {

        /** Until the other side ends it. Called for several at once. */
        void play(Socket connection) throws IOException;
    }

    private final List<ServerSocket> listening = new ArrayList<>();

    /** A PostgreSQL's port. {@code directory} is where the key lies meanwhile that the JDK's keytool makes. */
    int postgres(Path directory) throws IOException {
        SSLContext context = context(directory.resolve("rehearsal.p12"));
        return listen(connection -> refuse(connection, context));
    }

    /** A port at which {@code role} is played. */
    int listen(Role role) throws IOException {
        ServerSocket server = new ServerSocket(0, 8, InetAddress.ofLiteral("127.0.0.1"));
        listening.add(server);
        start(() -> accept(server, role));
        return server.getLocalPort();
    }

    private static void accept(ServerSocket server, Role role) {
        try {
            while (true) {
                Socket accepted = server.accept();
                start(() -> play(accepted, role));
            }
        } catch (IOException closed) {
            // The play is over.
        }
    }

    private static void play(Socket accepted, Role role) {
        try (Socket connection = accepted) {
            connection.setSoTimeout(LIMIT_MILLIS);
            role.play(connection);
        } catch (IOException | RuntimeException done) {
            // Whoever that was; what is not rehearsed is only slower.
        }
    }

    private static void start(Runnable task) {
        Thread.ofPlatform().daemon().name("rehearsal").start(task);
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
