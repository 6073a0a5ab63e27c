package io.walrelay.rewind.datadir;

import io.walrelay.rewind.datadir.FileEntry.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A data directory on this machine. */
public record DataDirectory(Path path) {

    /** All files, in no order. Links are followed where PostgreSQL puts them: pg_wal, and what is in pg_tblspc (pg_rewind: file_ops.c, recurse_dir). */
    public List<FileEntry> files() throws IOException {
        List<FileEntry> found = new ArrayList<>();
        collect("", found);
        return found;
    }

    private void collect(String parent, List<FileEntry> found) throws IOException {
        try (DirectoryStream<Path> children = Files.newDirectoryStream(path.resolve(parent))) {
            for (Path child : children) {
                String name = parent.isEmpty() ? child.getFileName().toString() : parent + "/" + child.getFileName();
                try {
                    add(name, child, found);
                } catch (NoSuchFileException e) {
                    // Gone since it was listed: nobody keeps a server from removing what it does not need.
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    private void add(String name, Path child, List<FileEntry> found) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(child, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (attributes.isSymbolicLink()) {
            found.add(FileEntry.link(name, Files.readSymbolicLink(child).toString()));
            if (name.equals("pg_wal") || parentOf(name).equals("pg_tblspc")) {
                collect(name, found);
            }
        } else if (attributes.isDirectory()) {
            found.add(new FileEntry(name, Kind.DIRECTORY, 0, Optional.empty()));
            collect(name, found);
        } else if (attributes.isRegularFile()) {
            found.add(FileEntry.regular(name, attributes.size()));
        }
    }

    private static String parentOf(String name) {
        int slash = name.lastIndexOf('/');
        return slash < 0 ? "" : name.substring(0, slash);
    }

    /** A whole file. */
    public byte[] read(String file) throws IOException {
        return Files.readAllBytes(path.resolve(file));
    }

    /** A whole file; empty when there is none. */
    public Optional<byte[]> readIfThere(String file) throws IOException {
        try {
            return Optional.of(read(file));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** The major version, as PG_VERSION says it. */
    public int majorVersion(String whose) throws IOException, RefusedException {
        return majorVersion(whose, new String(read("PG_VERSION"), StandardCharsets.UTF_8));
    }

    /** @param text of PG_VERSION */
    public static int majorVersion(String whose, String text) throws RefusedException {
        String stripped = text.strip();
        if (!stripped.matches("1[3-8]")) {
            throw new RefusedException("the %s is of PostgreSQL %s; expected 13 to 18".formatted(whose, stripped));
        }
        return Integer.parseInt(stripped);
    }

    /** What a new file here may allow: the group reads where it may read the directory (file_perm.c, GetDataDirectoryCreatePerm). */
    public Set<PosixFilePermission> fileMode() throws IOException {
        Set<PosixFilePermission> mode = EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
        if (groupMayRead()) {
            mode.add(PosixFilePermission.GROUP_READ);
        }
        return mode;
    }

    /** What a new directory here may allow. */
    public Set<PosixFilePermission> directoryMode() throws IOException {
        Set<PosixFilePermission> mode = EnumSet.copyOf(fileMode());
        mode.add(PosixFilePermission.OWNER_EXECUTE);
        if (mode.contains(PosixFilePermission.GROUP_READ)) {
            mode.add(PosixFilePermission.GROUP_EXECUTE);
        }
        return mode;
    }

    private boolean groupMayRead() throws IOException {
        Set<PosixFilePermission> mode = Files.getPosixFilePermissions(path);
        return mode.contains(PosixFilePermission.GROUP_READ) && mode.contains(PosixFilePermission.GROUP_EXECUTE);
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
