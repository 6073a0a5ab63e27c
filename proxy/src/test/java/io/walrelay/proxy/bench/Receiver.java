package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Who receives WAL from a primary and flushes it to an empty directory: the relay, or pg_receivewal --synchronous. Closing ends it and deletes the directory. */
interface Receiver extends AutoCloseable {

    /** Sends its process a signal, by its name without SIG. */
    void signal(String name);

    @Override
    void close();

    /** The two that are compared. */
    enum Kind {
        PG_RECEIVEWAL("pg_receivewal --synchronous") {
            @Override
            Receiver launch(Lab lab, LocalPostgres primary, String slot) {
                Path directory = lab.work().resolve("receivewal-" + slot);
                try {
                    Files.createDirectory(directory);
                } catch (IOException e) {
                    throw new UncheckedIOException("could not make " + directory, e);
                }
                ExternalProcess process = Lab.PROGRAMS.start(
                        "pg_receivewal", "-D", directory.toString(), "-d", primary.conninfo(), "--slot", slot, "--synchronous", "--no-loop");
                return new Receiver() {
                    @Override
                    public void signal(String name) {
                        process.signal(name);
                    }

                    @Override
                    public void close() {
                        process.close();
                        try {
                            FileTrees.delete(directory);
                        } catch (IOException e) {
                            throw new UncheckedIOException("could not delete " + directory, e);
                        }
                    }
                };
            }
        },
        RELAY("relay") {
            @Override
            Receiver launch(Lab lab, LocalPostgres primary, String slot) {
                return RelayServer.launch(lab, primary, slot);
            }
        };

        private final String title;

        Kind(String title) {
            this.title = title;
        }

        String title() {
            return title;
        }

        /** Starts it on {@code slot}, which exists, and does not wait. */
        abstract Receiver launch(Lab lab, LocalPostgres primary, String slot);
    }
}
