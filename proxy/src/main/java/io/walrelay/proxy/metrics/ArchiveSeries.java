package io.walrelay.proxy.metrics;

import io.walrelay.cache.Archiver;
import io.walrelay.cache.archive.SegmentFetcher;
import io.walrelay.proxy.state.ArchiveWork;

/** The archive's series; there are none where there is no archive. */
final class ArchiveSeries {

    private ArchiveSeries() {}

    static void add(Families families, Archiver.Status archiver) {
        families.gauge("archive_reachable", "Whether the last file could be archived", archiver.problem().isEmpty() ? 1 : 0);
        families.gauge("archive_waiting_files", "Files that are still to be archived", archiver.waiting());
        families.counter("archive_files", "Files that were archived since the start", archiver.done());
        families.counter("archive_failures", "Attempts to archive a file that failed since the start", archiver.failures());
        families.counter("archive_conflicts", "Files whose name had other bytes in the archive since the start", archiver.conflicts());
    }

    static void add(Families families, ArchiveWork work) {
        families.counter("archive_deleted_files", "Files that were deleted from the archive because of their age since the start", work.keeping().status().deleted());
        families.gauge("archive_keeping_reachable", "Whether what may be deleted from the archive could be looked for", work.keeping().status().problem().isEmpty() ? 1 : 0);
        work.folderImport().ifPresent(folder -> {
            families.gauge("archive_import_files", "Files of the folder that is imported", folder.status().files());
            families.counter("archive_import_settled_files", "Files of that folder that were imported, were there, or were refused", folder.status().settled());
        });
    }

    static void add(Families families, SegmentFetcher.Statistics fetched) {
        families.counter("archive_fetched_bytes", "WAL fetched from the archive since the start", fetched.fetchedBytes());
        families.counter("archive_fetched_segments", "Segments fetched from the archive since the start", fetched.fetched());
        families.counter("archive_fetched_ahead_segments", "Segments fetched from the archive before anybody asked for them", fetched.fetchedAhead());
        families.counter("archive_fetch_hits", "Segments that were asked for and here already", fetched.kept());
        families.counter("archive_fetch_absent", "Segments that were asked for and the archive has not", fetched.absent());
        families.counter("archive_fetch_failures", "Fetches that failed since the start", fetched.failed());
    }
}
