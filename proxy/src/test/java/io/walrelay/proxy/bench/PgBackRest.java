package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.LocalPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Debian's pgBackRest with a repository in a local folder, compressed as the relay's archive is. */
final class PgBackRest {

    private final List<String> command;

    /** Makes a repository for {@code server}. */
    PgBackRest(Lab lab, LocalPostgres server) throws IOException {
        Path directory = Files.createDirectory(lab.work().resolve("pgbackrest"));
        this.command = List.of(
                "pgbackrest", "--no-config", "--stanza=bench",
                "--pg1-path=" + server.dataDirectory(),
                "--repo1-path=" + directory.resolve("repository"),
                "--lock-path=" + directory.resolve("lock"),
                "--log-path=" + directory,
                "--log-level-file=off",
                "--log-level-console=warn");
        Lab.millis(with("stanza-create", "--no-online"));
    }

    void push(Path segment) {
        Lab.millis(with("archive-push", "--compress-type=zst", "--compress-level=3", segment.toString()));
    }

    /** Fetches one file, and returns the milliseconds that it took. */
    double get(String name, Path to) {
        return Lab.millis(with("archive-get", name, to.toString()));
    }

    private List<String> with(String... arguments) {
        List<String> all = new ArrayList<>(command);
        all.addAll(Arrays.asList(arguments));
        return all;
    }
}
