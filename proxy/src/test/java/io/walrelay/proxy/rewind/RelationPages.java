package io.walrelay.proxy.rewind;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** All pages of the main forks in a stopped server's data directory, but for those of unlogged relations, of which each server makes its own. */
final class RelationPages {

    /** What a primary keeps without WAL, beside hints: how much of a sequence it has given out since it logged it, and where SP-GiST put the last tuples. */
    private static final Pattern OF_A_PRIMARY = Pattern.compile(".*\\(SEQUENCE, SEQUENCE\\).*|.* block 0 \\(SPGIST, SPGIST\\).*");

    private final Path directory;
    private final Set<String> paths;

    RelationPages(Path directory) throws IOException, RefusedException {
        this.directory = directory;
        DataDirectory data = new DataDirectory(directory);
        int catalog = ControlFile.parse("server", data.read(ControlFile.PATH)).catalogVersion();
        RelationPath.Names names = new RelationPath.Names(data.majorVersion("server"), catalog);
        Set<String> all = data.files().stream().map(FileEntry::path).collect(Collectors.toSet());
        this.paths = all.stream()
                .filter(path -> names.parse(path).isPresent() && !all.contains(path.replaceFirst("\\.[0-9]+$", "") + "_init"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** How many pages there are of each kind. */
    Map<MaskedPage.Kind, Integer> kinds() throws IOException {
        Map<MaskedPage.Kind, Integer> kinds = new EnumMap<>(MaskedPage.Kind.class);
        for (String path : paths) {
            byte[] file = Files.readAllBytes(directory.resolve(path));
            for (int at = 0; at + MaskedPage.SIZE <= file.length; at += MaskedPage.SIZE) {
                kinds.merge(MaskedPage.kind(Arrays.copyOfRange(file, at, at + MaskedPage.SIZE)), 1, Integer::sum);
            }
        }
        return kinds;
    }

    /** A line for each page that differs when it is masked, for each file that only one has, and for each length that differs. */
    List<String> differences(RelationPages other) throws IOException {
        List<String> differences = new ArrayList<>();
        Set<String> all = new TreeSet<>(paths);
        all.addAll(other.paths);
        for (String path : all) {
            if (!paths.contains(path) || !other.paths.contains(path)) {
                differences.add("%s is only in %s".formatted(path, paths.contains(path) ? directory : other.directory));
            } else {
                compare(path, Files.readAllBytes(directory.resolve(path)), Files.readAllBytes(other.directory.resolve(path)), differences);
            }
        }
        return differences;
    }

    /** As {@link #differences}, of a follower's pages from those of the primary that it has all of. */
    List<String> differencesFromPrimary(RelationPages primary) throws IOException {
        return differences(primary).stream().filter(OF_A_PRIMARY.asMatchPredicate().negate()).toList();
    }

    private static void compare(String path, byte[] ours, byte[] theirs, List<String> differences) {
        if (ours.length != theirs.length) {
            differences.add("%s has %d bytes, the other %d".formatted(path, ours.length, theirs.length));
        }
        for (int at = 0; at + MaskedPage.SIZE <= Math.min(ours.length, theirs.length); at += MaskedPage.SIZE) {
            int block = at / MaskedPage.SIZE;
            byte[] our = Arrays.copyOfRange(ours, at, at + MaskedPage.SIZE);
            byte[] their = Arrays.copyOfRange(theirs, at, at + MaskedPage.SIZE);
            int mismatch = Arrays.mismatch(MaskedPage.of(our, block), MaskedPage.of(their, block));
            if (mismatch >= 0) {
                differences.add("%s block %d (%s, %s) at byte %d".formatted(path, block, MaskedPage.kind(our), MaskedPage.kind(their), mismatch));
            }
        }
    }
}
