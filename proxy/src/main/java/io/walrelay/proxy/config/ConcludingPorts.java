package io.walrelay.proxy.config;

import io.walrelay.proxy.auth.Hba;
import io.walrelay.proxy.auth.InvalidHbaException;
import io.walrelay.proxy.auth.JdbcAuthQuery;
import io.walrelay.proxy.auth.UsersFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
/** Concludes what concerns the two ports. Confined to one thread. */
final class ConcludingPorts {

    private final Values values;

    ConcludingPorts(Values values) {
        this.values = values;
    }

    Optional<ListenSettings> listen() {
        var address = values.read(Keys.LISTEN_ADDRESS);
        var unix = values.read(Keys.LISTEN_UNIX);
        var tls = values.tls(Keys.LISTEN_TLS);
        Hba hba = hba();
        UserSource users = users();
        var forwardAs = values.read(Keys.LISTEN_FORWARD_AS);
        return address.isPresent() && forwardAs.isPresent()
                ? Optional.of(new ListenSettings(address.get(), unix, tls, hba, users, forwardAs.get()))
                : Optional.empty();
    }

    private Hba hba() {
        List<String> lines = values.read(Keys.LISTEN_HBA).orElse(List.of());
        if (lines.isEmpty()) {
            return Hba.LOOPBACK_ONLY;
        }
        Hba hba;
        try {
            hba = Hba.parse(lines);
        } catch (InvalidHbaException e) {
            values.problem(Keys.LISTEN_HBA, "lines in pg_hba.conf form; " + String.join("; ", e.problems()));
            return Hba.LOOPBACK_ONLY;
        }
        if (hba.rules().isEmpty()) {
            values.problem(Keys.LISTEN_HBA, "at least one rule, as nobody could connect; without listen.hba this machine may, by scram-sha-256");
        }
        checkTls(hba);
        return hba;
    }

    /** PostgreSQL only logs the first, and refuses each connection for the second (hba.c, auth.c); what is checked here is checked once. */
    private void checkTls(Hba hba) {
        boolean tls = values.has(Keys.LISTEN_TLS.cert()) || values.has(Keys.LISTEN_TLS.key());
        if (!tls) {
            hba.firstThatNeedsTls().ifPresent(line -> values.problem(
                    Keys.LISTEN_HBA,
                    "%s and %s with it: without TLS a hostssl rule, as in hba line %d, fits no connection"
                            .formatted(Keys.LISTEN_TLS.cert().name(), Keys.LISTEN_TLS.key().name(), line)));
        } else if (!values.has(Keys.LISTEN_TLS.clientCa())) {
            hba.firstThatNeedsClientCertificates().ifPresent(line -> values.problem(
                    Keys.LISTEN_HBA,
                    "%s with it: without it no client is asked for the certificate that hba line %d wants"
                            .formatted(Keys.LISTEN_TLS.clientCa().name(), line)));
        }
    }

    private UserSource users() {
        var file = values.readable(Keys.LISTEN_USERS_FILE);
        var conninfo = values.conninfo(Keys.LISTEN_USERS_CONNINFO);
        var query = values.read(Keys.LISTEN_USERS_QUERY);
        if (values.has(Keys.LISTEN_USERS_FILE)) {
            for (Key<?> other : List.of(Keys.LISTEN_USERS_CONNINFO, Keys.LISTEN_USERS_QUERY)) {
                if (values.has(other)) {
                    values.problem(other, "either listen.users.file or listen.users.auth-query, not both");
                }
            }
        }
        file.filter(Values::isReadable).ifPresent(this::checkUsers);
        if (query.isPresent() && !query.get().contains(JdbcAuthQuery.USER)) {
            values.problem(Keys.LISTEN_USERS_QUERY, "a query with %s where the user's name goes".formatted(JdbcAuthQuery.USER));
        }
        return file.<UserSource>map(UserSource.File::new).orElseGet(() -> new UserSource.AuthQuery(conninfo, query));
    }

    /** It is read again at each look-up, but then a slip would keep everybody out. */
    private void checkUsers(Path file) {
        try {
            UsersFile.parse(Files.readAllLines(file, StandardCharsets.UTF_8));
        } catch (IOException | IllegalArgumentException e) {
            values.problem(Keys.LISTEN_USERS_FILE, "one user on each line: %s".formatted(e.getMessage()));
        }
    }

    Optional<HttpSettings> http() {
        var address = values.read(Keys.HTTP_ADDRESS);
        var tls = values.tls(Keys.HTTP_TLS);
        var tokens = values.read(Keys.HTTP_TOKENS).orElse(List.of());
        boolean insecure = values.read(Keys.HTTP_INSECURE).orElse(false);
        boolean guarded = !values.lines(Keys.HTTP_TOKENS).isEmpty() || values.has(Keys.HTTP_TLS.clientCa());
        if (address.isPresent() && !address.get().isLoopback() && !guarded && !insecure) {
            values.problem(
                    Keys.HTTP_ADDRESS,
                    "a loopback address, or http.tokens, or http.tls.client-ca: WAL is all of the data; http.insecure: true opens it"
                            + " to everybody");
        }
        return address.map(it -> new HttpSettings(it, tls, tokens, insecure));
    }

    void checkPorts(Optional<ListenSettings> listen, Optional<HttpSettings> http) {
        if (listen.isPresent() && http.isPresent() && listen.get().address().port() != 0 && listen.get().address().equals(http.get().address())) {
            values.problem(Keys.HTTP_ADDRESS, "another port than listen.address");
        }
    }
}
