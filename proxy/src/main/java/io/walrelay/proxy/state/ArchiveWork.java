package io.walrelay.proxy.state;

import io.walrelay.cache.ArchiveKeeping;
import io.walrelay.cache.intake.FolderImport;
import java.util.Optional;

/**
 * What is done in the archive beside putting WAL there.
 *
 * @param folderImport empty when there is no folder to import, or it was imported before
 */
public record ArchiveWork(ArchiveKeeping keeping, Optional<FolderImport> folderImport) {}
