package io.walrelay.proxy.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.demo.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UsersTest {

    @TempDir
    private Path dir = Path.of("");

    /** An upstream with roles, that may be away, and counts how often it was asked. Confined to one thread at a time. */
    private static final class Upstream implements AuthQuery {
        private final Map<String, UserEntry> roles = new HashMap<>();
        private boolean away;
        private boolean otherHost;
        private CountDownLatch hangs = new CountDownLatch(0);
        private int asked;

        @Override
        public Answer ask(String user) throws IOException, UnanswerableException {
            asked++;
            try {
                assertTrue(hangs.await(30, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            if (away) {
                throw new IOException("connection refused");
            }
            if (user.equals("\uD83D\uDC18")) {
                throw new UnanswerableException("no equivalent in encoding \"LATIN1\"", new SQLException());
            }
            return new Answer(Optional.ofNullable(roles.get(user)), otherHost);
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    }

    private final Upstream upstream = new Upstream();
    private final AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));

    private static UserEntry role(String name, String password) {
        return new UserEntry(name, Optional.of(Secret.utf8(password)), true, true, Optional.of(Instant.parse("2027-01-01T00:00:00Z")));
    }

    private static Users.Lookup unavailable(String reason, UserEntry... remembered) {
        return new Users.Lookup.Unavailable("upstream can't be asked for users: " + reason, Stream.of(remembered).findFirst());
    }

    private CachedUsers open() {
        return new CachedUsers(upstream, dir.resolve("users"), Duration.ofSeconds(10), now::get);
    }

    private static Users.Lookup find(Users users, String user) throws Exception {
        return users.find(user).toCompletableFuture().get(10, TimeUnit.SECONDS);
    }

    @Test
    void seesAChangedPasswordAfterTheTtlAndNotBefore() throws Exception {
        upstream.roles.put("u", role("u", "old"));
        try (CachedUsers users = open()) {
            assertEquals(new Users.Lookup.Found(role("u", "old"), false), find(users, "u"));
            upstream.roles.put("u", role("u", "new"));
            assertEquals(new Users.Lookup.Found(role("u", "old"), false), find(users, "u"));
            now.updateAndGet(t -> t.plusSeconds(10));
            assertEquals(new Users.Lookup.Found(role("u", "new"), false), find(users, "u"));
            assertEquals(2, upstream.asked);
        }
    }

    @Test
    void remembersOverARestartWhileUpstreamIsAway() throws Exception {
        upstream.roles.put("u", role("u", "p"));
        try (CachedUsers users = open()) {
            find(users, "u");
        }
        upstream.away = true;
        try (CachedUsers users = open()) {
            assertEquals(unavailable("connection refused", role("u", "p")), find(users, "u"));
            assertEquals(unavailable("connection refused"), find(users, "other"));
        }
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(dir.resolve("users"))));
    }

    @Test
    void forgetsARoleThatWasDropped() throws Exception {
        upstream.roles.put("u", role("u", "p"));
        try (CachedUsers users = open()) {
            find(users, "u");
            upstream.roles.clear();
            now.updateAndGet(t -> t.plusSeconds(10));
            assertEquals(new Users.Lookup.Unknown(), find(users, "u"));
        }
        upstream.away = true;
        try (CachedUsers users = open()) {
            assertInstanceOf(Users.Lookup.Unavailable.class, find(users, "u"));
        }
    }

    @Test
    void asksForAnUnknownNameOncePerTtlAndForgetsTheOldestOfTooMany() throws Exception {
        try (CachedUsers users = open()) {
            find(users, "first");
            find(users, "first");
            assertEquals(1, upstream.asked);
            for (int i = 0; i < 1_000; i++) {
                find(users, "made-up-" + i);
            }
            find(users, "made-up-999");
            assertEquals(1_001, upstream.asked);
            find(users, "first");
            assertEquals(1_002, upstream.asked);
        }
    }

    @Test
    void asksAnAbsentUpstreamOncePerTtlAndNotForEachClient() throws Exception {
        upstream.away = true;
        try (CachedUsers users = open()) {
            find(users, "a");
            find(users, "b");
            assertEquals(1, upstream.asked);
            upstream.away = false;
            now.updateAndGet(t -> t.plusSeconds(10));
            assertEquals(new Users.Lookup.Unknown(), find(users, "a"));
        }
    }

    @Test
    void beginsWithNoneWhenAnyByteOfTheFileIsDamaged() throws Exception {
        upstream.roles.put("u", role("u", "p"));
        try (CachedUsers users = open()) {
            find(users, "u");
        }
        Path file = dir.resolve("users");
        byte[] good = Files.readAllBytes(file);
        for (int i = 0; i < good.length; i++) {
            byte[] bad = good.clone();
            bad[i] ^= 0x10;
            Files.write(file, bad);
            assertThrows(IOException.class, () -> new UserCacheFile(file).load(), "byte " + i);
        }
        for (int length = 0; length < good.length; length++) {
            Files.write(file, java.util.Arrays.copyOf(good, length));
            assertThrows(IOException.class, () -> new UserCacheFile(file).load(), "length " + length);
        }
        upstream.away = true;
        try (CachedUsers users = open()) {
            assertInstanceOf(Users.Lookup.Unavailable.class, find(users, "u"));
        }
    }

    @Test
    void aNameThatCanNotBeAskedForConcernsNoOther() throws Exception {
        upstream.roles.put("u", role("u", "p"));
        try (CachedUsers users = open()) {
            assertInstanceOf(Users.Lookup.Unavailable.class, find(users, "\uD83D\uDC18"));
            assertEquals(new Users.Lookup.Found(role("u", "p"), false), find(users, "u"));
            find(users, "\uD83D\uDC18");
            assertEquals(2, upstream.asked, "it is not asked for again for a while");
        }
    }

    @Test
    void anUpstreamThatHangsKeepsNobodyWaitingWhoIsRemembered() throws Exception {
        upstream.roles.put("fresh", role("fresh", "p"));
        upstream.roles.put("old", role("old", "p"));
        try (CachedUsers users = open()) {
            find(users, "old");
            now.updateAndGet(t -> t.plusSeconds(10));
            find(users, "fresh");
            upstream.hangs = new CountDownLatch(1);
            var stranger = users.find("stranger").toCompletableFuture();
            assertTrue(users.find("fresh").toCompletableFuture().isDone(), "what is fresh is answered at once");
            assertEquals(
                    new Users.Lookup.Unavailable("upstream takes long to answer", Optional.of(role("old", "p"))), users.find("old").toCompletableFuture().get(5, TimeUnit.SECONDS));
            assertFalse(stranger.isDone());
            upstream.hangs.countDown();
            assertEquals(new Users.Lookup.Unknown(), stranger.get(10, TimeUnit.SECONDS));
            // The question about old went on meanwhile.
            assertEquals(new Users.Lookup.Found(role("old", "p"), false), Await.until("the answer", Duration.ofSeconds(10), () -> find(users, "old"), found -> found.equals(new Users.Lookup.Found(role("old", "p"), false))));
        }
    }

    @Test
    void pausesLongerAfterEachFailure() throws Exception {
        upstream.away = true;
        try (CachedUsers users = open()) {
            for (int seconds : new int[] {1, 2, 4, 8, 16, 30, 30}) {
                int before = upstream.asked;
                find(users, "a");
                assertEquals(before + 1, upstream.asked);
                now.updateAndGet(t -> t.plusMillis(seconds * 1_000L - 1));
                find(users, "b");
                assertEquals(before + 1, upstream.asked, "within " + seconds + " s");
                now.updateAndGet(t -> t.plusMillis(1));
            }
        }
    }

    @Test
    void whatAnotherHostSaysIsStaleAndReplacesNothing() throws Exception {
        upstream.roles.put("u", role("u", "p"));
        try (CachedUsers users = open()) {
            find(users, "u");
        }
        upstream.otherHost = true;
        upstream.roles.put("u", role("u", "another"));
        upstream.roles.put("first", role("first", "p"));
        try (CachedUsers users = open()) {
            assertEquals(new Users.Lookup.Found(role("first", "p"), true), find(users, "first"));
            assertEquals(new Users.Lookup.Found(role("u", "another"), true), find(users, "u"));
        }
        upstream.away = true;
        try (CachedUsers users = open()) {
            assertEquals(unavailable("connection refused", role("u", "p")), find(users, "u"));
            assertEquals(unavailable("connection refused", role("first", "p")), find(users, "first"), "better than nothing");
        }
    }

    @Test
    void readsAUsersFileForEachQuestion() throws Exception {
        Path file = dir.resolve("userlist.txt");
        Files.writeString(file, "; comment\n\"a\"\"b\" \"SCRAM-SHA-256$4096:x$y:z\"\n\"plain\" \"\" noreplication\n");
        try (UsersFile users = new UsersFile(file)) {
            assertEquals(
                    new Users.Lookup.Found(new UserEntry("a\"b", Optional.of(Secret.utf8("SCRAM-SHA-256$4096:x$y:z")), true, true, Optional.empty()), false),
                    find(users, "a\"b"));
            assertEquals(
                    new Users.Lookup.Found(new UserEntry("plain", Optional.empty(), false, true, Optional.empty()), false), find(users, "plain"));
            Files.writeString(file, "\"new\" \"x\"\n");
            assertEquals(new Users.Lookup.Unknown(), find(users, "plain"));
            Files.delete(file);
            assertInstanceOf(Users.Lookup.Unavailable.class, find(users, "new"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a hunter2", "\"a\" \"hunter2", "\"a\"\"hunter2\"", "\"a\" \"hunter2\" maybe", "\"\" \"hunter2\"", "\"a\" \"hunter2\" replication more"})
    void refusesALineWithoutShowingIt(String line) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> UsersFile.parse(List.of("", line)));
        assertEquals("line 2; expected \"user\" \"verifier\" [replication|noreplication]", e.getMessage());
    }

    @Test
    void neverShowsAVerifier() {
        assertFalse(role("u", "hunter2").toString().contains("hunter2"));
    }
}
