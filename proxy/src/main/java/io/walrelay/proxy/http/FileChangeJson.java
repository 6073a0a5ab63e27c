package io.walrelay.proxy.http;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.RelationFile;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What records change otherwise than by their references, as lines of JSON have it: by its name, with OIDs as the numbers that they are. */
public final class FileChangeJson {

    private FileChangeJson() {}

    static Map<String, Object> line(Lsn at, RecordBody body) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("at", at.toString());
        switch (body) {
            case FileChange.DatabaseCopied it -> line.put("database_copied", Map.of(
                    "tablespace", oid(it.tablespace()), "database", oid(it.database()), "from_tablespace", oid(it.fromTablespace()), "from_database", oid(it.fromDatabase())));
            case FileChange.DatabaseCreated it -> line.put("database_created", Map.of("tablespace", oid(it.tablespace()), "database", oid(it.database())));
            case FileChange.DatabaseDropped it ->
                    line.put("database_dropped", Map.of("database", oid(it.database()), "tablespaces", it.tablespaces().stream().map(FileChangeJson::oid).toList()));
            case FileChange.TablespaceCreated it -> line.put("tablespace_created", Map.of("tablespace", oid(it.tablespace()), "location", it.location()));
            case FileChange.TablespaceDropped it -> line.put("tablespace_dropped", Map.of("tablespace", oid(it.tablespace())));
            case FileChange.RelationCreated it -> line.put("relation_created", Map.of("relation", it.relation().toString(), "fork", it.fork()));
            case FileChange.RelationTruncated it -> line.put("relation_truncated", Map.of(
                    "relation", it.relation().toString(), "blocks", oid(it.blocks()),
                    "main", it.main(), "visibility_map", it.visibilityMap(), "free_space_map", it.freeSpaceMap()));
            case FileChange.RelationMapUpdated it -> line.put("relation_map_updated", Map.of("tablespace", oid(it.tablespace()), "database", oid(it.database())));
            case FileChange.Unknown it -> line.put("unknown", Map.of("resource_manager", it.resourceManager(), "info", it.info()));
            case RecordBody.TransactionEnd it -> line.put("relations_dropped", it.dropped().stream().map(RelationFile::toString).toList());
            case RecordBody.Checkpoint _, RecordBody.ParameterChange _, RecordBody.FullPageWritesChange _, RecordBody.EndOfRecovery _,
                    RecordBody.OverwriteContrecord _, RecordBody.RunningTransactions _, RecordBody.Removal _ ->
                    throw new IllegalArgumentException("changes no file: " + body);
        }
        return line;
    }

    private static long oid(int unsigned) {
        return Integer.toUnsignedLong(unsigned);
    }

    /**
     * What {@link #line} has written under {@code name}.
     *
     * @param said its fields: numbers, texts, truth values and lists of numbers
     * @throws IllegalArgumentException when it is nothing that changes files, as far as is known here
     */
    public static FileChange parse(String name, Map<String, Object> said) {
        Fields of = new Fields(said);
        return switch (name) {
            case "database_copied" -> new FileChange.DatabaseCopied(of.oid("tablespace"), of.oid("database"), of.oid("from_tablespace"), of.oid("from_database"));
            case "database_created" -> new FileChange.DatabaseCreated(of.oid("tablespace"), of.oid("database"));
            case "database_dropped" -> new FileChange.DatabaseDropped(of.oid("database"), of.oids("tablespaces"));
            case "tablespace_created" -> new FileChange.TablespaceCreated(of.oid("tablespace"), of.value(String.class, "location"));
            case "tablespace_dropped" -> new FileChange.TablespaceDropped(of.oid("tablespace"));
            case "relation_created" -> new FileChange.RelationCreated(of.relation(), of.oid("fork"));
            case "relation_truncated" -> new FileChange.RelationTruncated(
                    of.relation(), of.oid("blocks"), of.value(Boolean.class, "main"), of.value(Boolean.class, "visibility_map"), of.value(Boolean.class, "free_space_map"));
            case "relation_map_updated" -> new FileChange.RelationMapUpdated(of.oid("tablespace"), of.oid("database"));
            case "unknown" -> new FileChange.Unknown(of.oid("resource_manager"), of.oid("info"));
            default -> throw new IllegalArgumentException("changes files in a way that is not known here: \"%s\"".formatted(name));
        };
    }

    /** {@code 1663/5/16384}. */
    public static RelationFile relation(String text) {
        String[] parts = text.split("/", -1);
        if (parts.length != 3) {
            throw new IllegalArgumentException("not a relation: \"%s\"; expected one like 1663/5/16384".formatted(text));
        }
        return new RelationFile(Integer.parseUnsignedInt(parts[0]), Integer.parseUnsignedInt(parts[1]), Integer.parseUnsignedInt(parts[2]));
    }

    private record Fields(Map<String, Object> said) {

        <T> T value(Class<T> type, String name) {
            return cast(type, said.get(name), name);
        }

        int oid(String name) {
            return value(Long.class, name).intValue();
        }

        List<Integer> oids(String name) {
            List<?> all = value(List.class, name);
            return all.stream().map(each -> cast(Long.class, each, name).intValue()).toList();
        }

        RelationFile relation() {
            return FileChangeJson.relation(value(String.class, "relation"));
        }

        private static <T> T cast(Class<T> type, @Nullable Object value, String name) {
            return Optional.ofNullable(value).filter(type::isInstance).map(type::cast)
                    .orElseThrow(() -> new IllegalArgumentException("\"%s\" is %s; expected a %s".formatted(name, value, type.getSimpleName())));
        }
    }
}
