package io.walrelay.cache.verify;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What a verification has found so far: of an archive that is all bad, no more than can be held. Confined to its thread. */
final class Findings {

    static final int MOST = 10_000;

    /** One flaw may be met on the way of more than one lineage. */
    private final Set<Problem> problems = new LinkedHashSet<>();
    private final List<Report.Unread> unread = new ArrayList<>();
    private final List<StoredFile> vanished = new ArrayList<>();
    private long moreProblems;
    private long moreUnread;

    void problem(Problem problem) {
        if (problems.size() < MOST) {
            problems.add(problem);
        } else if (!problems.contains(problem)) {
            moreProblems++;
        }
    }

    void unread(String what, String reason, Optional<Span> span) {
        if (unread.size() < MOST) {
            unread.add(new Report.Unread(what, reason, span));
        } else {
            moreUnread++;
        }
    }

    void vanished(StoredFile file) {
        vanished.add(file);
    }

    List<Problem> problems() {
        return List.copyOf(problems);
    }

    /** Problems that were found besides {@link #problems}. */
    long moreProblems() {
        return moreProblems;
    }

    /** What is not told one by one may be any of the log. */
    List<Report.Unread> unread() {
        List<Report.Unread> all = new ArrayList<>(unread);
        if (moreUnread > 0) {
            all.add(new Report.Unread("%d more".formatted(moreUnread), "as above", Optional.empty()));
        }
        return all;
    }

    List<StoredFile> vanished() {
        return vanished;
    }
}
