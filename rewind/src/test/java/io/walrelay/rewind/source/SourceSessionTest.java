package io.walrelay.rewind.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.sql.Connection;
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

    private static SQLException unreachable() {
        return new SQLException("The connection attempt failed.", "08001");
    }

    private static SQLException tooMany() {
        return new SQLException("FATAL: sorry, too many clients already", "53300");
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
                return answered(left);
            });
        }
    }

    @Test
    void whatMayPassIsAskedAgainOnANewConnection() throws IOException {
        assertEquals("answer", ask(Duration.ZERO, conflict(), lost()));
        assertEquals(3, server.opened());
        assertEquals(0, server.left());
    }

    private Connection opened(Deque<SQLException> failures) throws SQLException {
        fail(failures);
        return server.open();
    }

    private static String answered(Deque<SQLException> failures) throws SQLException {
        fail(failures);
        return "answer";
    }

    private static void fail(Deque<SQLException> failures) throws SQLException {
        SQLException failure = failures.poll();
        if (failure != null) {
            throw failure;
        }
    }

    /** Whom {@code failures} meet, one after the other, before there is a connection to be had; each takes {@code each}. */
    private SourceSession.Opener away(Duration each, SQLException... failures) {
        Deque<SQLException> left = new ArrayDeque<>(List.of(failures));
        return () -> {
            now += each.toNanos();
            return opened(left);
        };
    }

    /** What lost the other sessions' connections may meet a session that has none yet. */
    @Test
    void aConnectionThatCannotBeHadYetIsAskedForAgain() throws IOException {
        try (SourceSession session = new SourceSession(away(Duration.ZERO, unreachable(), lost()), () -> now)) {
            assertEquals("answer", session.ask(_ -> "answer"));
        }
        assertEquals(1, server.opened());
    }

    @Test
    void aSourceThatStaysAwayIsGivenUp() {
        SourceSession.Opener away = away(Duration.ofSeconds(20), unreachable(), unreachable(), unreachable(), unreachable());
        try (SourceSession session = new SourceSession(away, () -> now)) {
            IOException refused = assertThrows(IOException.class, () -> session.ask(_ -> "answer"));
            assertEquals("the source server can't be reached: The connection attempt failed.", refused.getMessage());
        }
        assertEquals(0, server.opened());
    }

    /** A server takes a connection that was lost for alive, for a while; but where there never was one, more are asked for than there are. */
    @Test
    void onlyWhoHadAConnectionWaitsForAnother() throws IOException {
        try (SourceSession session = new SourceSession(away(Duration.ZERO, tooMany()), () -> now)) {
            IOException refused = assertThrows(IOException.class, () -> session.ask(_ -> "answer"));
            assertEquals("FATAL: sorry, too many clients already; a smaller --jobs takes fewer", refused.getMessage());
        }
        Deque<SQLException> openings = new ArrayDeque<>();
        Deque<SQLException> questions = new ArrayDeque<>();
        try (SourceSession session = new SourceSession(() -> opened(openings), () -> now)) {
            session.ask(_ -> "was there");
            questions.add(lost());
            openings.add(tooMany());
            assertEquals("answer", session.ask(_ -> answered(questions)));
        }
        assertEquals(2, server.opened());
    }

    /** One that was left by its caller, who waits for its thread. */
    @Test
    void whoIsInterruptedAsksForNoOther() {
        SourceSession.Opener away = away(Duration.ZERO, unreachable(), unreachable());
        try (SourceSession session = new SourceSession(away, () -> now)) {
            Thread.currentThread().interrupt();
            assertThrows(IOException.class, () -> session.ask(_ -> "answer"));
            assertTrue(Thread.interrupted());
        }
        assertEquals(0, server.opened());
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
