package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

final class SessionLogTest {

    private static final Lsn START = Lsn.parse("0/1000000");
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private final Queue<String> lines = new ConcurrentLinkedQueue<>();
    private final Logger logger = (Logger) LoggerFactory.getLogger(SessionLog.class);
    private final AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            lines.add("%s %s %s".formatted(event.getLevel(), event.getMessage(), event.getKeyValuePairs().stream()
                    .filter(pair -> !pair.key.equals("pid") && !pair.key.equals("client"))
                    .map(Object::toString)
                    .collect(Collectors.joining(" "))));
        }
    };

    @TempDir
    private Path data;

    @BeforeEach
    void listen() {
        appender.start();
        logger.addAppender(appender);
    }

    @AfterEach
    void leave() {
        logger.detachAppender(appender);
        appender.stop();
    }

    private static WalCraft craft() {
        return WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), START, 1).randomRecords(40, 1_000);
    }

    private void awaitLines(int count) {
        Await.until("%d lines".formatted(count), LIMIT, () -> List.copyOf(lines), seen -> seen.size() >= count);
    }

    @Test
    void namesTheStandbyAndWhereItsStreamBeginsAndEnds() throws Exception {
        WalCraft wal = craft();
        Lsn last = wal.recordEnds().getLast();
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS)) {
            try (FakeStandby standby = FakeStandby.login(relay.address(), "one")) {
                standby.ask("CREATE_REPLICATION_SLOT of_one PHYSICAL RESERVE_WAL");
                standby.start("SLOT of_one 0/1000000 TIMELINE 1");
                standby.receiveUntil(START, wal.end());
                standby.reply(wal.end(), last, START, true);
                standby.keepalive();
            }
            awaitLines(4);
        }
        assertEquals(
                List.of(
                        "INFO replication connection authorized standby=\"one\" user=\"repl\"",
                        "INFO standby streams standby=\"one\" user=\"repl\" slot=\"of_one\" timeline=\"1\" start=\"0/1000000\"",
                        "INFO standby's stream ended standby=\"one\" user=\"repl\" slot=\"of_one\" timeline=\"1\" sent=\"%1$s\" written=\"%1$s\" flushed=\"%2$s\" replayed=\"0/1000000\" reason=\"the client closed the connection\""
                                .formatted(wal.end(), last),
                        "INFO disconnection standby=\"one\" user=\"repl\" reason=\"the client closed the connection\""),
                List.copyOf(lines));
    }

    @Test
    void saysWhereATimelineEndsAndWhatCantBeStreamed() throws Exception {
        WalCraft wal = craft();
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(29)).randomRecords(20, 900);
        Lsn fork = two.history().begin();
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS)) {
            relay.follow(two);
            relay.receive(two, two.end());
            try (FakeStandby standby = FakeStandby.login(relay.address(), "two")) {
                standby.start("0/1000000 TIMELINE 1");
                standby.receiveUntil(START, fork);
                standby.send(new FrontendMessage.CopyDone());
                standby.until(BackendMessage.ReadyForQuery.class);
                standby.refusal("START_REPLICATION %s TIMELINE 1".formatted(wal.end()));
                standby.refusal("START_REPLICATION SLOT nobodys 0/1000000 TIMELINE 2");
                standby.send(new FrontendMessage.Terminate());
                assertTrue(standby.isClosedByServer());
            }
            awaitLines(6);
        }
        List<String> said = List.copyOf(lines);
        assertEquals("INFO standby streams standby=\"two\" user=\"repl\" timeline=\"1\" start=\"0/1000000\" end=\"%s\"".formatted(fork), said.get(1));
        assertEquals("INFO standby's stream ended standby=\"two\" user=\"repl\" timeline=\"1\" sent=\"%1$s\" reason=\"timeline 2 follows from %1$s on\"".formatted(fork), said.get(2));
        assertTrue(said.get(3).startsWith("WARN standby refused standby=\"two\" user=\"repl\" timeline=\"1\" start=\"%s\" reason=\"ERROR".formatted(wal.end())), said.get(3));
        assertTrue(said.get(3).contains("is not in this server's history"), said.get(3));
        assertTrue(said.get(4).startsWith("WARN standby refused standby=\"two\" user=\"repl\" slot=\"nobodys\" timeline=\"2\" start=\"0/1000000\""), said.get(4));
        assertEquals("INFO disconnection standby=\"two\" user=\"repl\" reason=\"terminated by the client\"", said.get(5));
    }

    @Test
    void oneThatComesAgainAndAgainForTheSameIsLoggedOnce() throws Exception {
        WalCraft wal = craft();
        String refused = "START_REPLICATION SLOT nobodys 0/1000000 TIMELINE 1";
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS)) {
            for (int i = 0; i < 20; i++) {
                try (FakeStandby standby = FakeStandby.login(relay.address(), "again")) {
                    standby.refusal(refused);
                }
            }
            try (FakeStandby standby = FakeStandby.login(relay.address(), "another")) {
                standby.refusal(refused);
            }
            Await.until("the other's end", LIMIT, () -> List.copyOf(lines).getLast().startsWith("INFO disconnection standby=\"another\""));
            Await.until("nobody to be there", LIMIT, () -> relay.state().standbys().all().isEmpty());
        }
        assertEquals(3, lines.stream().filter(line -> line.contains("\"again\"")).count(), () -> String.join("\n", lines));
        assertEquals(3, lines.stream().filter(line -> line.contains("\"another\"")).count(), () -> String.join("\n", lines));
    }

    @Test
    void aLineComesOnceAMinuteAndSaysHowOftenItWasLeftOut() {
        AtomicReference<Instant> now = new AtomicReference<>(Instant.EPOCH);
        Repeats repeats = new Repeats(now::get);
        assertEquals(OptionalInt.of(0), repeats.write("a"));
        assertEquals(OptionalInt.empty(), repeats.write("a"));
        assertEquals(OptionalInt.of(0), repeats.write("b"));
        now.set(Instant.EPOCH.plus(Repeats.WITHIN).minusNanos(1));
        assertEquals(OptionalInt.empty(), repeats.write("a"));
        now.set(Instant.EPOCH.plus(Repeats.WITHIN));
        assertEquals(OptionalInt.of(2), repeats.write("a"));
        assertEquals(OptionalInt.empty(), repeats.write("a"));
        now.set(Instant.EPOCH);
        assertEquals(OptionalInt.of(1), repeats.write("a"), "after the clock was set back");
        for (int i = 0; i < 2_000; i++) {
            assertEquals(OptionalInt.of(0), repeats.write("line " + i));
        }
        assertEquals(OptionalInt.of(0), repeats.write("a"), "what was forgotten is written");
    }
}
