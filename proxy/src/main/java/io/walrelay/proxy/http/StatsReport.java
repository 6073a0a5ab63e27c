package io.walrelay.proxy.http;

import io.walrelay.cache.ChangeIndex;
import io.walrelay.cache.index.Changes;
import java.util.Comparator;
import java.util.List;

/**
 * The answer of {@code /api/v1/stats}: whose the WAL on the relay's disk is, by whole segments of its own lineage. Sizes are bytes.
 *
 * @param segments that are counted here
 * @param notIndexed whole segments that are not, for their index is not made yet
 * @param relations the forks with the most bytes of page images, then those that are referred to most
 */
public record StatsReport(int segments, int notIndexed, List<Manager> resourceManagers, List<Relation> relations) {

    /** More are of no use to a reader. */
    static final int MOST_RELATIONS = 1_000;

    /** @param bytes of the records, their images of pages among them */
    public record Manager(String name, long records, long bytes, long imageBytes) {}

    /** @param relation tablespace, database and file number */
    public record Relation(String relation, int fork, long references, long imageBytes) {}

    /** @param mostRelations at most {@link #MOST_RELATIONS} */
    static StatsReport of(ChangeIndex.Summary summary, int mostRelations) {
        return new StatsReport(
                summary.segments(),
                summary.others(),
                summary.changes().byManager().stream().map(it -> new Manager(it.resourceManager(), it.records(), it.bytes(), it.imageBytes())).toList(),
                summary.changes().byRelation().stream()
                        .sorted(Comparator.comparingLong(Changes.RelationStatistics::imageBytes).thenComparingLong(Changes.RelationStatistics::references).reversed())
                        .limit(mostRelations)
                        .map(it -> new Relation(it.relation().toString(), it.fork(), it.references(), it.imageBytes()))
                        .toList());
    }
}
