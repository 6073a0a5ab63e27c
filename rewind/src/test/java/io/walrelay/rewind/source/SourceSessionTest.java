package io.walrelay.rewind.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

class SourceSessionTest {

    private static SQLException lost() {
        return new SQLException("An I/O error occurred while sending to the backend.", "08006");
    }

    private static SQLException conflict() {
        return new SQLException("canceling statement due to conflict with recovery", "40001");
    }

    private static SQLException denied() {
        return new SQLException("permission denied for function pg_ls_dir", "42501");
    }

    private final ScriptedServer server = new ScriptedServer((_, _) -> 0);
    private long now;

    /** Asks what fails so often, each time after {@code each}, until it is answered. */
    private String ask(Duration each, SQLException... failures) throws IOException {
        Deque<SQLException> left = new ArrayDeque<>(List.of(failures));
        try (SourceSession session = new SourceSession(server, () -> now)) {
            session.ask(_ -> "was there");
            return session.ask(_ -> {
                now += each.toNanos();
                SQLException failure = left.poll();
                if (failure != null) {
                    throw failure;
                }
                return "answer";
            });
        }
    }

    @Test
    void whatMayPassIsAskedAgainOnANewConnection() throws IOException {
        assertEquals("answer", ask(Duration.ZERO, conflict(), lost()));
        assertEquals(3, server.opened());
        assertEquals(0, server.left());
    }

    /** What lost the other sessions' connections may meet a session that has none yet. */
    @Test
    void aConnectionThatCannotBeHadYetIsAskedForAgain() throws IOException {
        Deque<SQLException> failures = new ArrayDeque<>(List.of(
                new SQLException("The connection attempt failed.", "08001"), new SQLException("FATAL: sorry, too many clients already", "53300")));
        SourceSession.Opener away = () -> {
            SQLException failure = failures.poll();
            if (failure != null) {
                throw failure;
            }
            return server.open();
        };
        try (SourceSession session = new SourceSession(away, () -> now)) {
            assertEquals("answer", session.ask(_ -> "answer"));
        }
        assertEquals(1, server.opened());
    }

    /** To list the files of a large cluster takes minutes. */
    @Test
    void aLongQuestionThatFailsOnceIsAskedAgain() throws IOException {
        assertEquals("answer", ask(Duration.ofMinutes(5), lost()));
        IOException away = assertThrows(IOException.class, () -> ask(Duration.ofSeconds(20), lost(), lost(), lost(), lost()));
        assertTrue(String.valueOf(away.getMessage()).startsWith("the source server can't be reached: "), away.getMessage());
    }

    @Test
    void whatIsTheQuestionsFaultIsSaidAtOnce() {
        IOException denied = assertThrows(IOException.class, () -> ask(Duration.ZERO, denied()));
        assertEquals("error running query on source server: permission denied for function pg_ls_dir", denied.getMessage());
        assertEquals(1, server.opened());
    }
}
