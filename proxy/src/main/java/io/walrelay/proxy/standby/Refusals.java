package io.walrelay.proxy.standby;

import io.walrelay.cache.Orphan;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.auth.Hba;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.Optional;

/** What a standby is told when it can't be served: PostgreSQL's words and codes where it has some, with the way out as hint. */
final class Refusals {

    private static final String REWIND =
            "rewind the server with walrelay rewind or pg_rewind, or give it a new base backup";

    static final Diagnostic SHUTTING_DOWN = Diagnostic.fatal("57P03", "the database system is shutting down");

    static final Diagnostic ADMIN_SHUTDOWN =
            Diagnostic.fatal("57P01", "terminating connection due to administrator command");

    static final Diagnostic AUTHENTICATION_TIMEOUT =
            Diagnostic.fatal("57014", "canceling authentication due to timeout");

    static final Diagnostic NO_UPSTREAM_YET = Diagnostic.fatal("57P03", "the relay has not reached its upstream yet")
            .withHint("it can serve standbys once it has; walrelay status says what keeps it");

    static final Diagnostic CONSOLE_REPLICATES_NOT = Diagnostic.fatal("0A000", "the relay's console has no logical replication")
            .withHint("name a database of upstream's; to stream from the relay, replication=true and no database is enough");

    static final Diagnostic AUTHENTICATION_UNAVAILABLE =
            Diagnostic.fatal("XX000", "could not decide how this client has to authenticate")
                    .withHint("the relay's log has the reason");

    static final Diagnostic NO_SQL =
            Diagnostic.error("0A000", "cannot execute SQL commands in WAL sender for physical replication");

    static final Diagnostic NO_EXTENDED_QUERY =
            Diagnostic.error("08P01", "extended query protocol not supported in a replication connection");

    static final Diagnostic NO_FASTPATH =
            Diagnostic.error("08P01", "fastpath function calls not supported in a replication connection");

    private Refusals() {}

    static Diagnostic tooManyClients(int atMost) {
        return Diagnostic.fatal("53300", "sorry, too many clients already")
                .withHint("the relay serves at most %d such sessions at a time".formatted(atMost));
    }

    /** In PostgreSQL's words, which name a file; so that nobody looks for the line in the primary's, the hint names the relay's. */
    static Diagnostic byRules(String message) {
        return Diagnostic.fatal(Hba.Verdict.Refuse.SQL_STATE, message)
                .withHint("the relay's rules are listen.hba in its configuration, in the form of pg_hba.conf; walrelay reload takes up new ones");
    }

    static Diagnostic couldNotLookUp(String user) {
        return Diagnostic.fatal("57P03", "could not look up user \"%s\"".formatted(user))
                .withHint("nobody who knows the users can be asked now, and the relay remembers no such password; try again later: the relay's log has the reason");
    }

    /** What a command is answered with that could not be passed on to upstream: the session goes on without it. */
    static Diagnostic notPassedOn(Diagnostic why) {
        return why.as("ERROR");
    }

    static Diagnostic upstreamLost(String host, String keyword) {
        return Diagnostic.fatal("08006", "upstream %s closed the connection during %s".formatted(host, keyword))
                .withHint("its log has the reason; try again");
    }

    /** The class of 57P01 makes clients connect again. */
    static Diagnostic upstreamLeft(String left, String now) {
        return Diagnostic.fatal("57P01", "terminating connection because the relay has left upstream %s".formatted(left))
                .withHint("connect again: sessions go on to upstream %s now".formatted(now));
    }

    static Diagnostic unknownParameter(String name) {
        return Diagnostic.error("42704", "unrecognized configuration parameter \"%s\"".formatted(name))
                .withHint("the relay answers for the parameters that replication clients ask for, and no others; ask the primary");
    }

    static Diagnostic noHistory(String fileName) {
        return Diagnostic.error("58P01", "could not open file \"pg_wal/%s\": No such file or directory".formatted(fileName));
    }

    static Diagnostic segmentGone(String fileName) {
        return Diagnostic.error("58P01", "requested WAL segment %s has already been removed".formatted(fileName));
    }

    /** Whether no tier has the WAL, rather than that it could not be read. */
    static boolean isGone(Diagnostic why) {
        return why.sqlState().equals("58P01");
    }

    static Diagnostic couldNotRead(Lsn at, String reason) {
        return Diagnostic.error("58030", "could not read WAL at %s: %s".formatted(at, reason));
    }

    /** walsender.c has no code of its own for the next four, which makes them internal errors. */
    static Diagnostic ahead(Lsn start, Lsn end) {
        return Diagnostic.error(
                "XX000", "requested starting point %s is ahead of the WAL flush position of this server %s".formatted(start, end));
    }

    static Diagnostic notInHistory(TimelineId timeline, Lsn position, Lsn fork, Optional<Orphan> orphan) {
        return parted("requested starting point", timeline, position, fork, orphan);
    }

    /** A walsender has no such refusal: it lets a standby that has replayed too much come back for ever. */
    static Diagnostic replayedPast(TimelineId timeline, Lsn position, Lsn fork, Optional<Orphan> orphan) {
        return parted("replay position", timeline, position, fork, orphan);
    }

    private static Diagnostic parted(String what, TimelineId timeline, Lsn position, Lsn fork, Optional<Orphan> orphan) {
        return Diagnostic.error(
                        "XX000", "%s %s on timeline %s is not in this server's history".formatted(what, position, timeline))
                .withDetail("This server's history forked from timeline %s at %s.".formatted(timeline, fork) + explanation(orphan))
                .withHint(REWIND);
    }

    static Diagnostic unknownTimeline(TimelineId requested, TimelineId own, Optional<Orphan> orphan) {
        Diagnostic refused =
                Diagnostic.error("XX000", "requested timeline %s is not in this server's history".formatted(requested));
        if (orphan.isPresent()) {
            return refused.withDetail("This server's history forked at %s.".formatted(orphan.get().fork()) + explanation(orphan))
                    .withHint(REWIND);
        }
        return requested.compareTo(own) > 0
                ? refused.withHint("the relay is on timeline %s; if the new timeline is the right one, let the relay follow its server: walrelay follow".formatted(own))
                : refused.withHint(REWIND);
    }

    private static String explanation(Optional<Orphan> orphan) {
        return orphan.map(o -> " The relay keeps what it holds past the fork, up to %s, as orphan %s."
                        .formatted(o.end(), o.lineage().id()))
                .orElse("");
    }
}
