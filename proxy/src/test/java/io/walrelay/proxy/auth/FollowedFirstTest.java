package io.walrelay.proxy.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.auth.AuthQuery.Answer;
import io.walrelay.proxy.auth.FollowedFirst.Followed;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** pg1 was overtaken by pg2, which is followed; pg3 is pg2's standby, pg4 belongs to somebody else. */
class FollowedFirstTest {

    private static final SystemId OURS = new SystemId(7);
    private static final TimelineHistory TWO =
            TimelineHistory.root(new TimelineId(1)).promoted(new TimelineId(2), Lsn.parse("0/3000000"), "");

    private final List<String> questions = new ArrayList<>();

    private final class Host implements AuthServer {
        private final String host;
        private final Standing standing;
        private boolean away;

        Host(String host, long system, boolean inRecovery, int timeline) {
            this.host = host;
            this.standing = new Standing(new SystemId(system), inRecovery, new TimelineId(timeline));
        }

        @Override
        public String host() {
            return host;
        }

        @Override
        public Optional<UserEntry> ask(String user) throws IOException {
            failWhenAway();
            questions.add(host);
            return Optional.empty();
        }

        @Override
        public Standing standing() throws IOException {
            failWhenAway();
            return standing;
        }

        private void failWhenAway() throws IOException {
            if (away) {
                questions.add(host + " away");
                throw new IOException("connection refused");
            }
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    }

    private final Host stalePrimary = new Host("pg1:5432", 7, false, 1);
    private final Host primary = new Host("pg2:5432", 7, false, 2);
    private final Host standby = new Host("pg3:5432", 7, true, 1);
    private final Host foreign = new Host("pg4:5432", 8, false, 2);
    private final AtomicReference<Followed> followed = new AtomicReference<>(following("pg2:5432", true));
    private final AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));
    private final FollowedFirst query = new FollowedFirst(List.of(stalePrimary, foreign, primary, standby), followed::get, now::get);

    private static Followed following(String host, boolean streaming) {
        return new Followed(Optional.of(host), streaming, Optional.of(OURS), Optional.of(TWO));
    }

    @Test
    void asksTheHostThatIsFollowedWhereverItStandsInTheList() throws Exception {
        assertEquals(new Answer(Optional.empty(), false), query.ask("u"));
        assertEquals(List.of("pg2:5432"), questions);
    }

    @Test
    void asksOthersOfTheSameClusterOnlyAndCallsThatStale() throws Exception {
        primary.away = true;
        assertEquals(new Answer(Optional.empty(), true), query.ask("u"));
        assertEquals(List.of("pg2:5432 away", "pg3:5432"), questions);
        query.ask("v");
        assertEquals(List.of("pg2:5432 away", "pg3:5432", "pg3:5432"), questions, "the first has a pause");
        now.updateAndGet(t -> t.plusSeconds(1));
        primary.away = false;
        assertEquals(new Answer(Optional.empty(), false), query.ask("u"));
    }

    @Test
    void whileNothingIsFollowedEveryAnswerIsStale() throws Exception {
        followed.set(following("pg2:5432", false));
        assertEquals(new Answer(Optional.empty(), true), query.ask("u"));
        assertEquals(List.of("pg2:5432"), questions);
    }

    @Test
    void saysOfEachWhyItWasNotBelieved() {
        primary.away = true;
        standby.away = true;
        String why = String.valueOf(assertThrows(IOException.class, () -> query.ask("u")).getMessage());
        assertTrue(why.contains("pg1:5432 is a primary on timeline 1, which timeline 2 has overtaken"), why);
        assertTrue(why.contains("pg4:5432 is of another cluster, system identifier 8; expected 7"), why);
        assertTrue(why.contains("pg3:5432: connection refused"), why);
    }
}
