package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.testkit.ExternalProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Debian's nginx with a folder to serve, by sendfile, one worker per core. Closing ends it. */
final class Nginx implements AutoCloseable {

    private final ExternalProcess process;
    private final int port;

    private Nginx(ExternalProcess process, int port) {
        this.process = process;
        this.port = port;
    }

    static Nginx serve(Lab lab, Path folder) throws IOException {
        int port = FreePort.next();
        Path directory = Files.createDirectory(lab.work().resolve("nginx-" + port));
        Path settings = Files.writeString(directory.resolve("nginx.conf"), """
                daemon off;
                user %1$s;
                error_log stderr;
                pid %2$s/pid;
                worker_processes auto;
                events {}
                http {
                    access_log off;
                    sendfile on;
                    tcp_nopush on;
                    client_body_temp_path %2$s;
                    proxy_temp_path %2$s;
                    fastcgi_temp_path %2$s;
                    uwsgi_temp_path %2$s;
                    scgi_temp_path %2$s;
                    server { listen 127.0.0.1:%3$d; root %4$s; }
                }
                """.formatted(System.getProperty("user.name"), directory, port, folder));
        Nginx nginx = new Nginx(ExternalProcess.start(List.of("nginx", "-e", "stderr", "-c", settings.toString())), port);
        try {
            Await.until("nginx to listen on port " + port, Duration.ofSeconds(30), () -> {
                new Socket(InetAddress.getLoopbackAddress(), port).close();
                return true;
            });
            return nginx;
        } catch (RuntimeException e) {
            String log = nginx.process.output();
            nginx.close();
            throw new IllegalStateException("nginx does not serve: " + log, e);
        }
    }

    int port() {
        return port;
    }

    @Override
    public void close() {
        if (process.isRunning()) {
            process.signal("TERM");
            process.awaitExit(Duration.ofSeconds(30));
        }
        process.close();
    }
}
