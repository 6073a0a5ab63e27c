package io.walrelay.proxy.bench;

import io.walrelay.wal.Lsn;
import java.util.List;

/**
 * What a reader process is told on its command line.
 *
 * @param port    where the server listens, on 127.0.0.1
 * @param readers how many connections it opens
 * @param from    where each starts
 * @param bytes   how many bytes each has to receive; a number never reached for readers that are stopped
 * @param protocol TLSv1.2 or TLSv1.3; without meaning to readers without TLS
 */
record ReaderArguments(int port, int readers, Lsn from, long bytes, String protocol) {

    List<String> toList() {
        return List.of(
                Integer.toString(port), Integer.toString(readers), from.toString(), Long.toString(bytes), protocol);
    }

    static ReaderArguments parse(String... arguments) {
        return new ReaderArguments(
                Integer.parseInt(arguments[0]),
                Integer.parseInt(arguments[1]),
                Lsn.parse(arguments[2]),
                Long.parseLong(arguments[3]),
                arguments[4]);
    }
}
