package io.walrelay.proxy.auth;

import io.walrelay.proxy.auth.AuthServer.Standing;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Asks the host that the relay follows: what it says holds. The others of the connection string are asked only while it can't
 * be, and only if they are of the same cluster and not a primary that was overtaken; what they say counts as stale. Confined to
 * one thread at a time.
 */
public final class FollowedFirst implements AuthQuery {

    /**
     * What the relay follows.
     *
     * @param host in use, or tried last
     * @param streaming whether it is followed at this moment
     * @param system and {@code lineage}: empty while the relay has no WAL
     */
    public record Followed(Optional<String> host, boolean streaming, Optional<SystemId> system, Optional<TimelineHistory> lineage) {

        boolean isNow(AuthServer server) {
            return streaming && host.equals(Optional.of(server.host()));
        }
    }

    private final Map<AuthServer, Pause> servers = new LinkedHashMap<>();
    private final Supplier<Followed> followed;
    private final InstantSource clock;

    /** @param servers at least one; closed with it */
    public FollowedFirst(List<? extends AuthServer> servers, Supplier<Followed> followed, InstantSource clock) {
        servers.forEach(server -> this.servers.put(server, new Pause()));
        this.followed = followed;
        this.clock = clock;
    }

    @Override
    public Answer ask(String user) throws IOException, UnanswerableException {
        Followed now = followed.get();
        List<AuthServer> order = new ArrayList<>(servers.keySet());
        order.sort(Comparator.comparing(server -> !now.host().equals(Optional.of(server.host()))));
        List<String> failures = new ArrayList<>();
        for (AuthServer server : order) {
            Pause pause = servers.getOrDefault(server, new Pause());
            if (pause.holds(clock.instant())) {
                failures.add(pause.reason());
                continue;
            }
            try {
                boolean isFollowed = now.isNow(server);
                Optional<String> unfit = isFollowed ? Optional.empty() : unfit(server.standing(), now);
                if (unfit.isPresent()) {
                    failures.add("%s %s".formatted(server.host(), unfit.get()));
                    continue;
                }
                Optional<UserEntry> entry = server.ask(user);
                pause.over();
                return new Answer(entry, !isFollowed);
            } catch (IOException e) {
                failures.add("%s: %s".formatted(server.host(), e.getMessage()));
                pause.failed(clock.instant(), failures.getLast());
            }
        }
        throw new IOException("no server answered: " + String.join("; ", failures));
    }

    /** Why a server that is not followed must not be believed; empty when it may. A pure function. */
    static Optional<String> unfit(Standing server, Followed followed) {
        if (followed.system().isPresent() && !followed.system().get().equals(server.system())) {
            return Optional.of("is of another cluster, system identifier %s; expected %s".formatted(server.system(), followed.system().get()));
        }
        if (followed.lineage().isEmpty() || server.inRecovery()) {
            return Optional.empty();
        }
        TimelineHistory own = followed.lineage().get();
        TimelineId timeline = server.timeline();
        boolean overtaken = timeline.compareTo(own.timeline()) < 0;
        return overtaken
                ? Optional.of("is a primary on timeline %s, which timeline %s has overtaken".formatted(timeline, own.timeline()))
                : Optional.empty();
    }

    @Override
    public void close() {
        servers.keySet().forEach(AuthServer::close);
    }
}
