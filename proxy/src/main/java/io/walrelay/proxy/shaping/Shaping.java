package io.walrelay.proxy.shaping;

import io.walrelay.cache.HeldRecords;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.proxy.config.ByteSize;
import io.walrelay.proxy.config.NamedStandby;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * What holds for single standbys: what the settings say, and what operators have said since, which is remembered over restarts. A standby is known by
 * its slot and by its application_name. Thread-safe; what says something waits for the disk.
 */
public final class Shaping {

    /** Where what operators say is kept. */
    @FunctionalInterface
    private interface Memory {
        void save(Map<String, Word> words) throws IOException;
    }

    /** Says something more of a standby, in a turn. */
    @FunctionalInterface
    private interface Saying {
        Word of(Word before, long turn);
    }

    /** Where a record ends, and on which history. */
    private record RecordEnd(Lsn at, TimelineHistory lineage) {}

    private final Clock clock;
    private final Map<String, NamedStandby> rules = new LinkedHashMap<>();
    private final Map<String, RateLimit> rates = new LinkedHashMap<>();
    private final Memory memory;

    /** Replaced, never changed: streams look at it with each pass. */
    private volatile Map<String, Word> words;

    private Shaping(Collection<NamedStandby> named, Clock clock, Map<String, Word> words, Memory memory) {
        this.clock = clock;
        this.words = Map.copyOf(words);
        this.memory = memory;
        for (NamedStandby standby : named) {
            rules.put(standby.name(), standby);
            standby.rate().map(ByteSize::bytes).ifPresent(rate -> rates.put(standby.name(), new RateLimit(rate)));
        }
    }

    /** Nobody is held back, and what is said is forgotten. */
    public static Shaping none(Clock clock) {
        return new Shaping(List.of(), clock, Map.of(), _ -> {});
    }

    /** @throws IOException when what operators have said can't be read: who was paused must not be taken for one who was not */
    public static Shaping load(Collection<NamedStandby> named, DurableFiles files, Clock clock) throws IOException {
        return new Shaping(named, clock, WordFile.load(files), words -> WordFile.save(files, words));
    }

    /**
     * What holds for a stream that begins at {@code start}, by the names of who reads it: of what is said under several of them, the strictest.
     */
    public StreamShape stream(WalCache cache, List<String> names, Lsn start) {
        Supplier<Word> word = () -> word(names);
        Optional<Duration> delay = entries(names, rules).flatMap(rule -> rule.delay().stream()).max(Comparator.naturalOrder());
        Optional<DelayLine> line = delay.map(by -> new DelayLine(cache, start, new Delay(by, clock), word));
        line.ifPresent(DelayLine::start);
        return new StreamShape(word, line, entries(names, rates).min(Comparator.comparingLong(RateLimit::bytesPerSecond)));
    }

    /** The rate at which a standby fetches files. */
    public Optional<RateLimit> rate(String name) {
        return Optional.ofNullable(rates.get(name));
    }

    /** What holds for a file that a standby asks for. */
    public FileShape file(WalCache cache, String name, WalFileName file) {
        Optional<Delay> delay = Optional.ofNullable(rules.get(name)).flatMap(NamedStandby::delay).map(by -> new Delay(by, clock));
        return new FileShape(cache, file, () -> word(List.of(name)), delay);
    }

    private Word word(List<String> names) {
        Map<String, Word> now = words;
        Word all = Word.NOTHING;
        if (!now.isEmpty()) {
            for (String name : names) {
                all = all.and(now.getOrDefault(name, Word.NOTHING));
            }
        }
        return all;
    }

    private static <T> Stream<T> entries(List<String> names, Map<String, T> by) {
        return names.stream().flatMap(name -> Optional.ofNullable(by.get(name)).stream());
    }

    /** All of whom anything holds, by name. */
    public List<Shaped> all() {
        TreeSet<String> names = new TreeSet<>(words.keySet());
        rules.values().stream().filter(rule -> rule.delay().isPresent() || rule.rate().isPresent()).forEach(rule -> names.add(rule.name()));
        return names.stream().map(this::of).toList();
    }

    public Shaped of(String name) {
        Optional<NamedStandby> rule = Optional.ofNullable(rules.get(name));
        return new Shaped(name, rule.flatMap(NamedStandby::delay), rule.flatMap(NamedStandby::rate).map(ByteSize::bytes), word(List.of(name)));
    }

    /** Whether the settings or an operator have said anything of it. */
    public boolean knows(String name) {
        return rules.containsKey(name) || words.containsKey(name);
    }

    /** Nothing more goes to it, also after a restart, before {@link #resume}. Durable when it returns; so are the others. */
    public void pause(String name) throws IOException {
        say(name, Word::pause);
    }

    public void resume(String name) throws IOException {
        say(name, (word, _) -> word.resume());
    }

    /**
     * Lets it have WAL up to a place at once, although it is paused or delayed.
     *
     * @param to empty for all that there is now
     * @return the end of the last record up to there
     * @throws IllegalArgumentException when the relay has no WAL there, with what it has
     */
    public Lsn release(WalCache cache, String name, Optional<Lsn> to) throws IOException {
        Lsn end = cache.end().written();
        Lsn wanted = to.orElse(end);
        if (wanted.isAfter(end) || !wanted.isValid()) {
            throw new IllegalArgumentException("the relay's WAL ends at %s; expected a position up to there, not %s".formatted(end, wanted));
        }
        RecordEnd reached = lastRecord(cache, wanted);
        say(name, (word, turn) -> word.release(new Word.Release(reached.lineage.timelineAt(reached.at.plus(-1)), reached.at, turn)));
        return reached.at;
    }

    /**
     * A standby that got half of a record would wait for the rest in the middle of a page. The record at {@code upTo} may have begun in an earlier segment: as
     * far back as there is WAL, the one before it is looked for there.
     */
    private static RecordEnd lastRecord(WalCache cache, Lsn upTo) throws IOException {
        Optional<RecordEnd> oldest = Optional.empty();
        for (Lsn from = cache.segmentSize().startOf(upTo); ; from = from.plus(-cache.segmentSize().bytes())) {
            try (HeldRecords records = cache.records(from)) {
                Lsn reached = from;
                while (records.next() && records.reader().lastRecordEnd().isAtMost(upTo)) {
                    reached = records.reader().lastRecordEnd();
                }
                if (!records.isOfTheRelay()) {
                    throw new IOException("the relay's timeline is changing; expected to answer after that");
                }
                oldest = Optional.of(new RecordEnd(reached, records.lineage()));
                if (reached.isAfter(from) || from.value() <= cache.segmentSize().bytes()) {
                    return oldest.get();
                }
            } catch (HeldRecords.GoneException e) {
                return oldest.orElseThrow(() -> new IllegalArgumentException("no tier has WAL at %s: %s".formatted(upTo, e.getMessage()), e));
            }
        }
    }

    private synchronized void say(String name, Saying change) throws IOException {
        Map<String, Word> next = new TreeMap<>(words);
        long turn = next.values().stream().mapToLong(Word::lastTurn).max().orElse(0) + 1;
        Word said = change.of(next.getOrDefault(name, Word.NOTHING), turn);
        if (said.equals(Word.NOTHING)) {
            next.remove(name);
        } else {
            next.put(name, said);
        }
        memory.save(next);
        words = Map.copyOf(next);
    }
}
