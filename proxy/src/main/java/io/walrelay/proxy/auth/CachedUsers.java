package io.walrelay.proxy.auth;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Users of the upstream, asked for over SQL and remembered: for {@code ttl} an answer is not asked for again, so a changed
 * password is seen after that time at the latest; while upstream can't be asked the last answer holds, also over a restart.
 * That a name is unknown is remembered as long, for so many names and no more.
 *
 * <p>All state is confined to one virtual thread at a time, the executor's: one question at a time is also what keeps a
 * flood of made-up names from becoming a flood of connections at the upstream.
 */
public final class CachedUsers implements Users {

    private static final Logger log = LoggerFactory.getLogger(CachedUsers.class);
    private static final int MAX_UNKNOWN = 1_000;

    private final AuthQuery query;
    private final UserCacheFile file;
    private final Duration ttl;
    private final InstantSource clock;
    private final ExecutorService executor = Executors.newSingleThreadExecutor(Thread.ofVirtual().name("users").factory());
    private final Map<String, UserEntry> known = new LinkedHashMap<>();
    private final Map<String, Instant> asked = new HashMap<>();
    private final Map<String, Instant> unknown = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Instant> eldest) {
            return size() > MAX_UNKNOWN;
        }
    };
    private Instant failed = Instant.MIN;
    private String failure = "";

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
    public CompletionStage<Lookup> find(String user) {
        return CompletableFuture.supplyAsync(() -> look(user), executor);
    }

    private Lookup look(String user) {
        Instant now = clock.instant();
        if (isFresh(asked.get(user), now)) {
            return Optional.ofNullable(known.get(user)).<Lookup>map(e -> new Lookup.Found(e, false)).orElseGet(Lookup.Unknown::new);
        }
        if (isFresh(unknown.get(user), now)) {
            return new Lookup.Unknown();
        }
        // A server that does not answer costs a connect timeout: not one for each client that waits.
        if (!isFresh(failed, now)) {
            try {
                return learn(user, query.ask(user), now);
            } catch (IOException e) {
                failed = clock.instant();
                failure = String.valueOf(e.getMessage());
                log.atWarn().addKeyValue("user", user).addKeyValue("reason", failure).log("upstream can't be asked for users; what it said last holds");
            }
        }
        return Optional.ofNullable(known.get(user))
                .<Lookup>map(entry -> new Lookup.Found(entry, true))
                .orElseGet(() -> new Lookup.Unavailable("upstream can't be asked for users: " + failure));
    }

    private boolean isFresh(@Nullable Instant since, Instant now) {
        return since != null && since.isAfter(now.minus(ttl)) && !since.isAfter(now);
    }

    private Lookup learn(String user, Optional<UserEntry> answer, Instant now) {
        failed = Instant.MIN;
        if (answer.isEmpty()) {
            unknown.put(user, now);
            asked.remove(user);
            if (known.remove(user) != null) {
                save();
            }
            return new Lookup.Unknown();
        }
        unknown.remove(user);
        asked.put(user, now);
        if (!answer.get().equals(known.put(user, answer.get()))) {
            save();
        }
        return new Lookup.Found(answer.get(), false);
    }

    private void save() {
        try {
            file.save(known.values());
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
