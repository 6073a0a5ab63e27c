package io.walrelay.rewind.datadir;

import io.walrelay.wal.format.RelationFile;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where a relation's main fork lies (PostgreSQL: relpath.c, GetRelationPath): {@code base/5/16384}, {@code global/1262},
 * {@code pg_tblspc/16400/PG_15_202209061/5/16401.2}. The other forks' files and those of temporary relations have other names.
 *
 * @param segment the relation's file, from 0 on; all but the last are full
 */
public record RelationPath(RelationFile relation, int segment) {

    private static final int DEFAULT_TABLESPACE = 1663;
    private static final int GLOBAL_TABLESPACE = 1664;

    private static final String OID = "([1-9][0-9]{0,9})";
    private static final String FILE = OID + "(?:\\.([1-9][0-9]{0,8}))?";
    private static final Pattern GLOBAL = Pattern.compile("global/" + FILE);
    private static final Pattern BASE = Pattern.compile("base/" + OID + "/" + FILE);

    // The record's own would go by method handles, which are slow at first (docs/architecture.md, "Rewind: its start").
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof RelationPath path && path.segment == segment && path.relation.equals(relation);
    }

    @Override
    public int hashCode() {
        return 31 * relation.hashCode() + segment;
    }

    /** The names of one version's relations: a tablespace's directory is named after major and catalog version. */
    public static final class Names {

        private final String versionDirectory;
        private final Pattern tablespace;

        public Names(int major, int catalogVersion) {
            this.versionDirectory = "PG_%d_%d".formatted(major, catalogVersion);
            this.tablespace = Pattern.compile("pg_tblspc/" + OID + "/" + versionDirectory + "/" + OID + "/" + FILE);
        }

        /** Empty when {@code path} is no main fork's. */
        public Optional<RelationPath> parse(String path) {
            Matcher base = BASE.matcher(path);
            if (base.matches()) {
                return Optional.of(path(DEFAULT_TABLESPACE, oid(base.group(1)), base.group(2), base.group(3)));
            }
            Matcher global = GLOBAL.matcher(path);
            if (global.matches()) {
                return Optional.of(path(GLOBAL_TABLESPACE, 0, global.group(1), global.group(2)));
            }
            Matcher other = tablespace.matcher(path);
            return other.matches()
                    ? Optional.of(path(oid(other.group(1)), oid(other.group(2)), other.group(3), other.group(4)))
                    : Optional.empty();
        }

        /** The path of {@code relation}'s file number {@code segment}. */
        public String of(RelationFile relation, int segment) {
            String file = Integer.toUnsignedString(relation.relation()) + (segment == 0 ? "" : "." + segment);
            return switch (relation.tablespace()) {
                case GLOBAL_TABLESPACE -> "global/" + file;
                case DEFAULT_TABLESPACE -> "base/%s/%s".formatted(Integer.toUnsignedString(relation.database()), file);
                default -> "pg_tblspc/%s/%s/%s/%s".formatted(
                        Integer.toUnsignedString(relation.tablespace()), versionDirectory, Integer.toUnsignedString(relation.database()), file);
            };
        }

        /** {@code PG_15_202209061}. */
        public String versionDirectory() {
            return versionDirectory;
        }

        private static RelationPath path(int tablespace, int database, String relation, String segment) {
            return new RelationPath(new RelationFile(tablespace, database, oid(relation)), segment == null ? 0 : Integer.parseInt(segment));
        }

        private static int oid(String digits) {
            return (int) Long.parseLong(digits);
        }
    }
}
