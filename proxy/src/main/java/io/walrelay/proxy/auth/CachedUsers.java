package io.walrelay.proxy.auth;

import io.walrelay.proxy.auth.AuthQuery.Answer;
import io.walrelay.proxy.auth.AuthQuery.UnanswerableException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Users of the upstream, asked for over SQL and remembered: for {@code ttl} an answer is not asked for again, so a changed
 * password is seen after that time at the latest; while upstream can't be asked the last answer holds, also over a restart.
 * That a name is unknown is remembered as long, for so many names and no more.
 *
 * <p>A user who is remembered does not wait long for an upstream that hangs: after a moment the last answer is used, while the
 * question goes on. Questions are asked one at a time, on a thread of their own, which is also what keeps a flood of made-up
 * names from becoming a flood of connections at the upstream. What is remembered is guarded by the monitor, which is never held
 * while somebody waits for upstream or the disk.
 */
public final class CachedUsers implements Users {

    private static final Logger log = LoggerFactory.getLogger(CachedUsers.class);
    private static final int MAX_OTHERS = 1_000;
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    /** What was said of a name, and when. */
    private record Said(Lookup lookup, Instant at) {}

    private final AuthQuery query;
    private final UserCacheFile file;
    private final Duration ttl;
    private final InstantSource clock;
    private final ExecutorService executor = Executors.newSingleThreadExecutor(Thread.ofVirtual().name("users").factory());
    /** As the host that is followed told them last, or another one before it was ever asked; what the file holds. */
    private final Map<String, UserEntry> known = new LinkedHashMap<>();
    /** When each of {@code known} was asked for. */
    private final Map<String, Instant> asked = new HashMap<>();
    /** What is not to last: names that are unknown or can't be asked for, and what a host said that is not followed. */
    private final Map<String, Said> others = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Said> eldest) {
            return size() > MAX_OTHERS;
        }
    };
    private final Map<String, CompletableFuture<Lookup>> questions = new HashMap<>();
    /** After upstream could not be asked: a server that does not answer costs a connect timeout, not one for each client. */
    private final Pause pause = new Pause();

    /** Reads what is remembered in {@code file}. A damaged file is logged and forgotten: upstream has the truth. */
    public CachedUsers(AuthQuery query, Path file, Duration ttl, InstantSource clock) {
        this.query = query;
        this.file = new UserCacheFile(file);
        this.ttl = ttl;
        this.clock = clock;
        try {
            this.file.load().forEach(entry -> known.put(entry.name(), entry));
        } catch (IOException e) {
            log.atWarn().addKeyValue("file", file).setCause(e).log("users remembered from upstream can't be read; beginning with none");
        }
    }

    @Override
    public synchronized CompletionStage<Lookup> find(String user) {
        Instant now = clock.instant();
        Optional<Lookup> at = atHand(user, now);
        if (at.isPresent()) {
            return CompletableFuture.completedFuture(at.get());
        }
        CompletableFuture<Lookup> question =
                questions.computeIfAbsent(user, name -> CompletableFuture.supplyAsync(() -> look(name), executor));
        UserEntry remembered = known.get(user);
        return remembered == null
                ? question
                : question.copy().completeOnTimeout(new Lookup.Unavailable("upstream takes long to answer", Optional.of(remembered)), PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** What can be said without a question. */
    private Optional<Lookup> atHand(String user, Instant now) {
        UserEntry entry = known.get(user);
        if (entry != null && isFresh(asked.get(user), now)) {
            return Optional.of(new Lookup.Found(entry, false));
        }
        Said said = others.get(user);
        if (said != null && isFresh(said.at(), now)) {
            return Optional.of(said.lookup());
        }
        return pause.holds(now) ? Optional.of(lastSaid(user, pause.reason())) : Optional.empty();
    }

    private boolean isFresh(@Nullable Instant since, Instant now) {
        return since != null && since.isAfter(now.minus(ttl)) && !since.isAfter(now);
    }

    private Lookup lastSaid(String user, String reason) {
        return new Lookup.Unavailable("upstream can't be asked for users: " + reason, Optional.ofNullable(known.get(user)));
    }

    /** On the executor's thread. */
    private Lookup look(String user) {
        try {
            Optional<Lookup> meanwhile;
            synchronized (this) {
                meanwhile = atHand(user, clock.instant());
            }
            return meanwhile.isPresent() ? meanwhile.get() : learn(user, query.ask(user));
        } catch (IOException e) {
            return failed(user, e);
        } catch (UnanswerableException e) {
            return unanswerable(user, e);
        } finally {
            synchronized (this) {
                questions.remove(user);
            }
        }
    }

    private synchronized Lookup failed(String user, IOException e) {
        pause.failed(clock.instant(), String.valueOf(e.getMessage()));
        log.atWarn().addKeyValue("user", ClientText.printable(user)).addKeyValue("reason", pause.reason()).log("upstream can't be asked for users; what it said last holds");
        return lastSaid(user, pause.reason());
    }

    private synchronized Lookup unanswerable(String user, UnanswerableException e) {
        log.atWarn().addKeyValue("user", ClientText.printable(user)).addKeyValue("reason", ClientText.printable(String.valueOf(e.getMessage()))).log("upstream can't answer for this user");
        Lookup last = lastSaid(user, String.valueOf(e.getMessage()));
        others.put(user, new Said(last, clock.instant()));
        return last;
    }

    private Lookup learn(String user, Answer answer) {
        Lookup lookup = answer.entry().<Lookup>map(entry -> new Lookup.Found(entry, answer.stale())).orElseGet(Lookup.Unknown::new);
        List<UserEntry> changed;
        synchronized (this) {
            Instant now = clock.instant();
            pause.over();
            if (answer.stale()) {
                others.put(user, new Said(lookup, now));
                // What the followed host said is not forgotten for it; before it said anything this is better than nothing.
                if (answer.entry().isEmpty() || known.putIfAbsent(user, answer.entry().get()) != null) {
                    return lookup;
                }
            } else if (answer.entry().isEmpty()) {
                others.put(user, new Said(lookup, now));
                asked.remove(user);
                if (known.remove(user) == null) {
                    return lookup;
                }
            } else {
                others.remove(user);
                asked.put(user, now);
                if (answer.entry().get().equals(known.put(user, answer.entry().get()))) {
                    return lookup;
                }
            }
            changed = List.copyOf(known.values());
        }
        save(changed);
        return lookup;
    }

    private void save(List<UserEntry> entries) {
        try {
            file.save(entries);
        } catch (IOException e) {
            // Sign-on must not depend on this disk: only the next absence of upstream will.
            log.atError().setCause(e).log("users from upstream can't be remembered on disk");
        }
    }

    @Override
    public void close() {
        executor.close();
        query.close();
    }
}
