package io.walrelay.cache.verify;

import io.walrelay.cache.Gap;
import io.walrelay.cache.verify.Report.Range;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.PageHeader;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalVersion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/**
 * Reads a lineage's records over all its segments.
 *
 * <pre>
 *   range │ flaw? ─▶ another copy with other bytes? ─┬─ yes: from the last good record on, with that
 *                                                   └─ no: told; a new range from the next segment on
 * </pre>
 *
 * <p>Confined to one thread.
 */
final class BranchReader {

    /** A relay that runs may be about to write what is missing in a segment that is not whole: looks at it, and the pause between them. */
    private static final int LOOKS = 5;

    private static final long PAUSE_MILLIS = 100;

    private final BranchPlan plan;
    private final Course course;
    private final SegmentSize size;
    private final WalIdentity identity;
    private final CourseSource source;
    private final List<Gap> gaps;
    private final Findings findings;
    private final List<Range> ranges = new ArrayList<>();
    private String end = "no segments";

    /* Of the range that is being read. */
    private Lsn heldFrom = Lsn.INVALID;
    private Lsn provedFrom = Lsn.INVALID;
    private Lsn provedTo = Lsn.INVALID;
    private Lsn lastRecord = Lsn.INVALID;
    private int looksAgain;

    /** @param gaps WAL that the relay never got */
    BranchReader(BranchPlan plan, SystemId system, CourseSource source, List<Gap> gaps, Findings findings) {
        this.plan = plan;
        this.course = plan.course();
        this.size = course.size();
        this.identity = new WalIdentity(system, size, course.lineage());
        this.source = source;
        this.gaps = gaps;
        this.findings = findings;
    }

    /** Reads all of it. */
    void read() throws IOException, InterruptedException {
        OptionalLong next = course.atLeast(plan.from());
        while (next.isPresent()) {
            next = readRange(next.getAsLong());
        }
        source.judgeBefore(Long.MAX_VALUE);
    }

    List<Range> ranges() {
        return List.copyOf(ranges);
    }

    /** Why there is no more. */
    String end() {
        return end;
    }

    /** Reads until there is no more, or nothing good; says where to go on. */
    private OptionalLong readRange(long first) throws IOException, InterruptedException {
        source.forgetBefore(first);
        heldFrom = size.start(first);
        provedFrom = Lsn.INVALID;
        provedTo = Lsn.INVALID;
        lastRecord = Lsn.INVALID;
        looksAgain = 0;
        while (true) {
            Lsn start = provedTo.isValid() ? provedTo : heldFrom;
            WalReader reader = WalReader.open(source, identity, start);
            WalEnd stop = readRecords(reader);
            end = stop.message();
            switch (stop) {
                case WalEnd.NoMoreBytes _, WalEnd.UnfinishedRecord _ -> {
                    finishRange();
                    long number = size.segmentNumber(stop.at());
                    return course.atLeast(course.has(number) ? number + 1 : number);
                }
                case WalEnd.Flaw flaw -> {
                    long flawed = size.segmentNumber(flaw.at());
                    Lsn followed = Lsn.max(flaw.at(), reader.continuedTo());
                    long touched = Math.max(flawed, size.segmentNumber(followed.plus(-1)));
                    if (mayEndIn(touched) && !walFollows(followed)) {
                        reportShortEnd(flaw);
                        finishRange();
                        return course.atLeast(touched + 1);
                    }
                    if (mayBeWritten(touched) && ++looksAgain < LOOKS) {
                        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
                        continue;
                    }
                    Optional<StoredFile> where = source.fileAt(flaw.at());
                    Optional<CourseSource.GivenUp> givenUp = source.giveUp(flawed, touched);
                    if (givenUp.isEmpty() || !givenUp.get().explained()) {
                        report(givenUp.map(CourseSource.GivenUp::file).or(() -> where), flaw);
                    }
                    if (givenUp.isEmpty()) {
                        finishRange();
                        return course.atLeast(flawed + 1);
                    }
                }
            }
        }
    }

    /** Reads the records that are good. A reader that starts after others knows nothing of the chain, so that is looked at here. */
    private WalEnd readRecords(WalReader reader) throws IOException {
        while (reader.next()) {
            if (lastRecord.isValid() && reader.header().prev().compareTo(lastRecord) != 0) {
                return new WalEnd.BadPrevLink(reader.recordStart(), reader.header().prev(), lastRecord);
            }
            if (!provedFrom.isValid()) {
                boolean continues = reader.recordStart().minus(heldFrom) != PageHeader.LONG_SIZE;
                provedFrom = continues ? reader.recordStart() : heldFrom;
            }
            lastRecord = reader.recordStart();
            if (size.segmentNumber(provedTo) != size.segmentNumber(reader.lastRecordEnd())) {
                source.forgetBefore(size.segmentNumber(reader.lastRecordEnd()));
            }
            provedTo = reader.lastRecordEnd();
        }
        return reader.end().orElseThrow();
    }

    private void finishRange() {
        if (provedFrom.isValid()) {
            ranges.add(new Range(provedFrom, provedTo, heldFrom));
        }
    }

    /** Whether WAL may end anywhere in a segment: it is not whole, and none follows, or only what comes after a gap. */
    private boolean mayEndIn(long number) {
        return (!course.has(number + 1) || Gaps.beginIn(gaps, number, size).isPresent()) && isPartial(number);
    }

    /** Whether a relay that runs may be writing the segment: one is not whole for a while after the next has been begun. */
    private boolean mayBeWritten(long number) {
        return isPartial(number) && source.fileAt(size.start(number)).filter(file -> file.tier() == Tier.DISK).isPresent();
    }

    private boolean isPartial(long number) {
        return source.fileAt(size.start(number)).filter(file -> !file.isWhole()).isPresent();
    }

    /** What WAL ends before is zeros, or what was there before: pages that are in their places mean that it does not end. */
    private boolean walFollows(Lsn behind) throws IOException {
        Lsn end = size.endOf(behind);
        for (Lsn page = nextPage(behind); page.isBefore(end); page = page.plus(PageHeader.PAGE_SIZE)) {
            ByteBuffer bytes = ByteBuffer.allocate(PageHeader.LONG_SIZE);
            int n;
            do {
                n = source.read(page.plus(bytes.position()), bytes);
            } while (n > 0 && bytes.hasRemaining());
            if (bytes.hasRemaining()) {
                return false;
            }
            PageHeader header = PageHeader.parse(bytes.array(), 0);
            if (header.address().equals(page) && WalVersion.ofMagic(header.magic()).isPresent()) {
                return true;
            }
        }
        return false;
    }

    private static Lsn nextPage(Lsn lsn) {
        return new Lsn((lsn.value() & -PageHeader.PAGE_SIZE) + PageHeader.PAGE_SIZE);
    }

    /** A timeline that was left has to reach to where it was left. */
    private void reportShortEnd(WalEnd.Flaw flaw) {
        if (plan.fork().filter(fork -> flaw.at().isBefore(fork)).isPresent()) {
            report(source.fileAt(flaw.at()), flaw);
        }
    }

    private void report(Optional<StoredFile> where, WalEnd.Flaw flaw) {
        where.ifPresent(file -> findings.problem(new Problem.BadWal(file, flaw, new Span(course.lineage(), flaw.at(), size.endOf(flaw.at())))));
    }
}
