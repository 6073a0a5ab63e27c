package io.walrelay.proxy.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.auth.AuthQuery.UnanswerableException;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import java.util.Optional;
import java.util.Properties;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Queries that an operator may have written, on a real server. */
@Timeout(60)
final class JdbcAuthQueryIT {

    private static final Programs PROGRAMS = Programs.version(15);

    private LocalPostgres server;

    @BeforeEach
    void start() {
        server = LocalPostgres.of(PROGRAMS.server()).start();
        server.execute("CREATE TABLE users (name text, password text)", "INSERT INTO users VALUES ('a', 'verifier'), ('root', 'verifier')");
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private JdbcAuthQuery query(String query) {
        Properties properties = new Properties();
        properties.setProperty("user", "postgres");
        return new JdbcAuthQuery("here", "jdbc:postgresql://127.0.0.1:%d/postgres".formatted(server.port()), properties, query);
    }

    @Test
    void theNameGoesWhereverTheQueryWantsIt() throws Exception {
        try (JdbcAuthQuery query = query("SELECT name, password, true, true, NULL::timestamptz FROM users WHERE name = $1 AND $1 <> 'root'")) {
            assertEquals(
                    Optional.of(new UserEntry("a", Optional.of(Secret.utf8("verifier")), true, true, Optional.empty())), query.ask("a"));
            assertEquals(Optional.empty(), query.ask("root"));
        }
    }

    @Test
    void anAnswerForSomebodyElseIsNone() throws Exception {
        try (JdbcAuthQuery query = query("SELECT 'root', password, true, true, NULL::timestamptz FROM users WHERE name = $1")) {
            assertThrows(UnanswerableException.class, () -> query.ask("a"));
        }
    }
}
