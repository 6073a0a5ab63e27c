package io.walrelay.proxy.cli;

import io.walrelay.proxy.client.ApiLines;
import io.walrelay.proxy.http.BlockRanges;
import io.walrelay.proxy.http.FileChangeJson;
import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.rewind.plan.MergedChanges;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.RelationFile;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.exc.JacksonIOException;
import tools.jackson.core.json.JsonFactory;

/** A relay's change index of one lineage, over HTTP. Read token by token: nothing of an answer is kept but what it says. */
public final class RelayChanges implements HeldChanges {

    private static final JsonFactory JSON = new JsonFactory();

    private final ApiLines api;
    private final String timeline;

    public RelayChanges(ApiLines api, TimelineHistory lineage) {
        this.api = api;
        this.timeline = URLEncoder.encode(lineage.id(), StandardCharsets.UTF_8);
    }

    /**
     * Has what answers are read with loaded by another thread, for a program that is short of time and waits for something else meanwhile: the powers of ten
     * that BigDecimal begins with take as long as an answer.
     */
    static void loadAhead() {
        Thread.ofPlatform().daemon().name("json-ahead").start(() -> {
            try (JsonParser in = JSON.createParser(ObjectReadContext.empty(), new byte[] {'{', '}'})) {
                var _ = in.nextToken();
            }
        });
    }

    @Override
    public List<Segment> segments(Lsn from, Lsn to) throws IOException {
        return api.get("/api/v1/segments?timeline=%s&from=%s&to=%s".formatted(timeline, from, to), body -> segments(body, false)).orElse(List.of());
    }

    @Override
    public Optional<Segment> beginning(Lsn to) throws IOException {
        String query = "/api/v1/segments?timeline=%s&from=%s&to=%s".formatted(timeline, to, to);
        return api.get(query, body -> segments(body, true)).flatMap(found -> found.stream().findFirst());
    }

    @Override
    public Optional<MergedChanges> changes(Lsn from, Optional<Lsn> to) throws IOException {
        String query = "/api/v1/changes?merged=true&timeline=%s&from=%s%s".formatted(timeline, from, to.map("&to=%s"::formatted).orElse(""));
        return api.get(query, RelayChanges::changes);
    }

    /** A line of an answer. */
    private interface Line {

        /** @param first the name of its first field, at which the parser stands */
        void read(JsonParser in, String first) throws IOException;
    }

    /** All lines up to the one that says that these are all. */
    private static void lines(InputStream body, Line line) throws IOException {
        try (JsonParser in = JSON.createParser(ObjectReadContext.empty(), body)) {
            while (in.nextToken() == JsonToken.START_OBJECT) {
                String first = String.valueOf(in.nextName());
                line.read(in, first);
                if (first.equals("end")) {
                    return;
                }
            }
        } catch (JacksonIOException e) {
            throw new IOException("the answer was cut off: %s".formatted(e.getCause() == null ? e.getOriginalMessage() : e.getCause().getMessage()), e);
        } catch (JacksonException | IllegalArgumentException e) {
            throw new IOException("the answer is not what was asked for: %s; is this a relay's HTTP port, and the relay of this program's version?".formatted(e.getMessage()), e);
        }
        throw new IOException("the answer was cut off");
    }

    /** @param cut whether the ones are wanted of which only what they begin with is meant, or the others */
    private static List<Segment> segments(InputStream body, boolean cut) throws IOException {
        List<Segment> segments = new ArrayList<>();
        lines(body, (in, first) -> {
            Map<String, Object> said = rest(in, first);
            if (!first.equals("end") && said.containsKey("to") == cut) {
                segments.add(new Segment(
                        Lsn.parse(text(said, "start")), text(said, "segment"), HexFormat.fromHexDigits(text(said, "crc32c")),
                        Optional.ofNullable(said.get("checkpoint")).map(at -> Lsn.parse(at.toString()))));
            }
        });
        return segments;
    }

    private static MergedChanges changes(InputStream body) throws IOException {
        List<MergedChanges.Blocks> blocks = new ArrayList<>();
        List<MergedChanges.File> files = new ArrayList<>();
        List<Lsn> end = new ArrayList<>();
        lines(body, (in, first) -> {
            if (first.equals("relation")) {
                addBlocks(in, blocks);
                return;
            }
            Map<String, Object> said = rest(in, first);
            if (first.equals("end")) {
                end.add(Lsn.parse(text(said, "to")));
            } else {
                files.add(file(said));
            }
        });
        return new MergedChanges(blocks, files, end.getFirst());
    }

    private static void addBlocks(JsonParser in, List<MergedChanges.Blocks> blocks) {
        in.nextToken();
        RelationFile relation = FileChangeJson.relation(in.getString());
        int kinds = 0;
        for (String kind = in.nextName(); kind != null; kind = in.nextName()) {
            boolean whole = switch (kind) {
                case "whole_blocks" -> true;
                case "other_blocks" -> false;
                default -> throw new IllegalArgumentException("\"%s\" is unknown; expected whole_blocks, other_blocks".formatted(kind));
            };
            kinds++;
            if (in.nextToken() != JsonToken.VALUE_STRING) {
                throw new IllegalArgumentException("%s is %s; expected ranges in a string, like \"0-6,9\"".formatted(kind, in.currentToken()));
            }
            // Of a string, getStringCharacters is asked before its offset and length.
            char[] ranges = in.getStringCharacters();
            BlockRanges.read(ranges, in.getStringOffset(), in.getStringLength(), (first, count) -> blocks.add(new MergedChanges.Blocks(relation, first, count, whole)));
        }
        if (kinds != 2) {
            throw new IllegalArgumentException("%s has %d lists of blocks; expected whole_blocks and other_blocks".formatted(relation, kinds));
        }
    }

    private static MergedChanges.File file(Map<String, Object> said) {
        for (Map.Entry<String, Object> change : said.entrySet()) {
            if (change.getValue() instanceof Map<?, ?> fields) {
                Map<String, Object> named = new LinkedHashMap<>();
                fields.forEach((name, value) -> named.put(name.toString(), value));
                return new MergedChanges.File(Lsn.parse(text(said, "at")), FileChangeJson.parse(change.getKey(), named));
            }
        }
        throw new IllegalArgumentException("a line says nothing that is known here: " + said.keySet());
    }

    private static String text(Map<String, Object> said, String name) {
        return String.valueOf(said.get(name));
    }

    /** The object whose first field's name was read. */
    private static Map<String, Object> rest(JsonParser in, String first) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (String name = first; name != null; name = in.nextName()) {
            in.nextToken();
            fields.put(name, value(in));
        }
        return fields;
    }

    private static Object value(JsonParser in) {
        return switch (in.currentToken()) {
            case START_OBJECT -> {
                String first = in.nextName();
                yield first == null ? Map.of() : rest(in, first);
            }
            case START_ARRAY -> {
                List<Object> all = new ArrayList<>();
                while (in.nextToken() != JsonToken.END_ARRAY) {
                    all.add(value(in));
                }
                yield all;
            }
            case VALUE_NUMBER_INT -> in.getLongValue();
            case VALUE_TRUE, VALUE_FALSE -> in.getBooleanValue();
            default -> in.getString();
        };
    }
}
