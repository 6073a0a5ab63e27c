package io.walrelay.proxy.acknowledge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.walrelay.proxy.acknowledge.Positions.Stage;
import io.walrelay.wal.Lsn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

class AcknowledgementTest {

    private static final Logger log = LoggerFactory.getLogger(AcknowledgementTest.class);

    private static Positions positions(String text) {
        List<Lsn> parts = Arrays.stream(text.split("/", -1)).map(part -> new Lsn(Long.parseLong(part))).toList();
        return new Positions(parts.get(0), parts.get(1), parts.get(2));
    }

    private static String text(Positions positions) {
        return "%d/%d/%d".formatted(positions.write().value(), positions.flush().value(), positions.apply().value());
    }

    /** Words like {@code a=9/8/7}, or {@code (a=9/8/7)} of one that is away. */
    private static List<Standing> members(String text) {
        return Arrays.stream(text.strip().split(" +", -1)).filter(word -> !word.isEmpty()).map(word -> {
            String[] parts = word.replaceAll("[()]", "").split("=", -1);
            return new Standing(parts[0], !word.startsWith("("), positions(parts[1]));
        }).toList();
    }

    /** Positions are written/flushed/applied; the relay has written 10 and flushed 9. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        // policy       | members                          | before | acknowledged | waited for: write | flush | apply
        "own            |                                  | 0/0/0  | 10/9/0 | -   | -   | -",
        // A commit that waits for replay waits for ever: nobody replays, and no standby could help.
        "all (a)        | a=12/11/11                       | 0/0/0  | 10/9/9 | -   | -   | -",
        "all (a)        | a=8/7/6                          | 0/0/0  | 8/7/6  | a   | a   | a",
        "all (a)        | a=10/9/0                         | 0/0/0  | 10/9/0 | -   | -   | a",
        "all (a, b)     | a=10/9/9 b=7/6/5                 | 0/0/0  | 7/6/5  | b   | b   | b",
        // One that is away has what it confirmed last, and no more.
        "all (a, b)     | a=10/9/9 (b=7/6/5)               | 0/0/0  | 7/6/5  | b   | b   | b",
        "all (a, b)     | a=5/5/5 (b=10/9/9)               | 0/0/0  | 5/5/5  | a   | a   | a",
        "all (a, b)     | (a=10/9/9) (b=10/9/9)            | 0/0/0  | 10/9/9 | -   | -   | -",
        "all (a, b)     | a=10/9/9 (b=0/0/0)               | 0/0/0  | 0/0/0  | b   | b   | b",
        // By priority, among those that are connected.
        "first 1 (a, b) | a=4/4/4 b=10/9/9                 | 0/0/0  | 4/4/4  | a   | a   | a",
        "first 1 (a, b) | (a=4/4/4) b=8/8/8                | 0/0/0  | 8/8/8  | b   | b   | b",
        "first 1 (a, b) | (a=10/9/9) (b=10/9/9)            | 0/0/0  | 0/0/0  | a b | a b | a b",
        "first 2 (a, b, c) | a=9/9/1 b=5/8/8 c=10/9/9      | 0/0/0  | 5/8/1  | a b | b   | a b",
        "first 2 (a, b, c) | (a=9/9/9) b=10/9/9 (c=9/9/9)  | 0/0/0  | 0/0/0  | a c | a c | a c",
        "first 2 (a, b, c) | (a=9/9/9) b=10/9/9 c=8/7/6    | 0/0/0  | 8/7/6  | c   | c   | c",
        // The k-th of those that are connected, in each respect.
        "any 1 (a, b)   | a=4/4/4 b=8/8/8                  | 0/0/0  | 8/8/8  | a b | a b | a b",
        "any 1 (a, b)   | a=10/1/1 b=8/9/3                 | 0/0/0  | 10/9/3 | -   | -   | a b",
        "any 2 (a, b, c) | a=9/9/1 b=5/8/8 c=10/9/9        | 0/0/0  | 9/9/8  | a b | -   | a b",
        "any 2 (a, b, c) | (a=10/9/9) b=6/6/6 (c=10/9/9)   | 0/0/0  | 0/0/0  | a b c | a b c | a b c",
        // What was acknowledged stays, whoever is away or was set back.
        "first 1 (a, b) | a=4/4/4 b=10/9/9                 | 7/7/2  | 7/7/4  | a   | a   | a",
        "any 1 (a)      | (a=10/9/9)                       | 10/9/8 | 10/9/8 | -   | -   | a",
        // But never more than the relay itself has.
        "all (a)        | a=8/8/8                          | 12/11/11 | 10/9/9 | -  | -   | -",
    })
    void isTheLesserOfOurOwnAndWhatThePolicyAsks(
            String policy, String members, String before, String expected, String write, String flush, String apply) {
        Positions own = positions("10/9/9");
        Acknowledgement it = Acknowledgement.of(AcknowledgePolicy.parse(policy), own, members(members == null ? "" : members), positions(before.strip()));
        assertEquals(expected.strip(), text(it.positions()));
        assertEquals(names(write), it.waitedFor(Stage.WRITE), "for write");
        assertEquals(names(flush), it.waitedFor(Stage.FLUSH), "for flush");
        assertEquals(names(apply), it.waitedFor(Stage.APPLY), "for apply");
    }

    private static List<String> names(String text) {
        return text.strip().equals("-") ? List.of() : Arrays.asList(text.strip().split(" ", -1));
    }

    @Test
    void tellsHowManyBytesWait() {
        Acknowledgement behind = Acknowledgement.of(AcknowledgePolicy.parse("all (a)"), positions("10/9/9"), members("a=8/6/0"), Positions.NONE);
        assertEquals(3, behind.waitingBytes(Stage.FLUSH).getAsLong());
        assertFalse(behind.waitingBytes(Stage.APPLY).isPresent());
    }

    /**
     * Standbys confirm, fall back, leave and come for a while; at each step the answer is compared with one that is found by trying every position against every
     * set of standbys.
     */
    @Test
    void agreesWithWhatTryingEveryPositionFinds() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("replay with -Dwalrelay.seed={}", seed);
        Random random = new Random(seed);
        int waited = 0;
        int free = 0;
        for (int round = 0; round < 400; round++) {
            AcknowledgePolicy policy = randomPolicy(random);
            Map<String, Standing> known = new HashMap<>();
            policy.members().forEach(name -> known.put(name, new Standing(name, false, Positions.NONE)));
            Positions own = Positions.NONE;
            Positions before = Positions.NONE;
            for (int step = 0; step < 12; step++) {
                long flushed = own.flush().value() + random.nextInt(3);
                own = new Positions(new Lsn(flushed + random.nextInt(3)), new Lsn(flushed), new Lsn(flushed));
                change(known, policy, own, random);
                List<Standing> members = policy.members().stream().map(known::get).toList();
                Acknowledgement it = Acknowledgement.of(policy, own, members, before);
                Positions had = before;
                Supplier<String> what = () -> "%s, own %s, members %s, before %s".formatted(policy, text(it.own()), members, text(had));
                for (Stage stage : Stage.values()) {
                    long expected = Math.min(own.at(stage).value(), Math.max(before.at(stage).value(), highest(policy, members, stage, own.at(stage).value())));
                    assertEquals(expected, it.positions().at(stage).value(), () -> what.get() + ", " + stage);
                    if (policy.waitsForStandbys()) {
                        assertEquals(expected >= own.at(stage).value(), it.waitedFor(stage).isEmpty(), () -> what.get() + ", waited for " + it.waitedFor(stage));
                        assertWaitedForSuffice(it, stage, what);
                    }
                    waited += it.waitedFor(stage).size();
                    free += it.waitedFor(stage).isEmpty() ? 1 : 0;
                }
                // The relay never forgets what it wrote, but what it may report can fall.
                before = Positions.max(before, it.positions());
            }
        }
        log.info("{} waits, {} without", waited, free);
        assertFalse(waited < 1_000 || free < 1_000, "the schedule tests little: %d waits, %d without".formatted(waited, free));
    }

    /** When those that are waited for confirm all, all is acknowledged. */
    private static void assertWaitedForSuffice(Acknowledgement it, Stage stage, Supplier<String> what) {
        List<Standing> after = it.members().stream()
                .map(m -> it.waitedFor(stage).contains(m.name()) ? new Standing(m.name(), true, it.own()) : m)
                .toList();
        Positions then = Acknowledgement.of(it.policy(), it.own(), after, it.positions()).positions();
        assertEquals(it.own().at(stage), then.at(stage), () -> "%s: not enough, %s of %s".formatted(what.get(), it.waitedFor(stage), stage));
    }

    private static long highest(AcknowledgePolicy policy, List<Standing> members, Stage stage, long own) {
        long best = 0;
        for (long at = 1; at <= own; at++) {
            best = mayBeAcknowledged(policy, members, stage, at) ? at : best;
        }
        return best;
    }

    private static boolean mayBeAcknowledged(AcknowledgePolicy policy, List<Standing> members, Stage stage, long at) {
        return switch (policy) {
            case AcknowledgePolicy.Own() -> stage != Stage.APPLY;
            case AcknowledgePolicy.All _ -> members.stream().allMatch(m -> has(m, stage, at));
            case AcknowledgePolicy.First(var count, _) -> {
                // The set of the count connected ones before which no other connected one stands.
                yield subsets(members.size()).anyMatch(set -> Integer.bitCount(set) == count
                        && IntStream.range(0, members.size()).allMatch(i -> {
                            boolean in = (set >> i & 1) == 1;
                            boolean laterIn = set >> i + 1 != 0;
                            return in ? members.get(i).connected() && has(members.get(i), stage, at) : !(members.get(i).connected() && laterIn);
                        }));
            }
            case AcknowledgePolicy.Any(var count, _) -> subsets(members.size()).anyMatch(set -> Integer.bitCount(set) == count
                    && IntStream.range(0, members.size())
                            .filter(i -> (set >> i & 1) == 1)
                            .allMatch(i -> members.get(i).connected() && has(members.get(i), stage, at)));
        };
    }

    private static boolean has(Standing member, Stage stage, long at) {
        return member.confirmed().at(stage).value() >= at;
    }

    private static IntStream subsets(int of) {
        return IntStream.range(0, 1 << of);
    }

    private static AcknowledgePolicy randomPolicy(Random random) {
        List<String> names = new ArrayList<>(List.of("a", "b", "c", "d").subList(0, 1 + random.nextInt(4)));
        int count = 1 + random.nextInt(names.size());
        return switch (random.nextInt(10)) {
            case 0 -> new AcknowledgePolicy.Own();
            case 1, 2, 3 -> new AcknowledgePolicy.All(names);
            case 4, 5, 6 -> new AcknowledgePolicy.First(count, names);
            default -> new AcknowledgePolicy.Any(count, names);
        };
    }

    private static void change(Map<String, Standing> known, AcknowledgePolicy policy, Positions own, Random random) {
        for (String name : policy.members()) {
            Standing it = Objects.requireNonNull(known.get(name));
            switch (random.nextInt(6)) {
                case 0 -> known.put(name, new Standing(name, false, it.confirmed()));
                case 1 -> known.put(name, new Standing(name, true, it.confirmed()));
                // Restored from an older backup.
                case 2 -> known.put(name, new Standing(name, true, randomUpTo(it.confirmed().write().value(), random)));
                case 3, 4 -> known.put(name, new Standing(name, true, randomUpTo(own.write().value() + 1, random)));
                default -> known.put(name, new Standing(name, true, own));
            }
        }
    }

    private static Positions randomUpTo(long most, Random random) {
        long write = random.nextLong(most + 1);
        long flush = random.nextLong(write + 1);
        return new Positions(new Lsn(write), new Lsn(flush), new Lsn(random.nextLong(flush + 1)));
    }
}
