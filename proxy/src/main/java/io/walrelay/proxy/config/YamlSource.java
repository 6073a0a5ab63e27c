package io.walrelay.proxy.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.dataformat.yaml.YAMLFactory;
import tools.jackson.dataformat.yaml.YAMLParser;

/**
 * The configuration file, as values by dotted key. Scalars are taken as they are written, never as YAML would type them, so
 * that a token of digits keeps its zeros; sections that later versions know are refused whole.
 */
final class YamlSource {

    /** No configuration is as long; a path to something else should not fill the memory. */
    private static final long LONGEST = 1 << 20;

    /** What a problem with the file as a whole is said of. */
    private static final String FILE = "configuration file";

    private final Path file;
    private final YAMLParser in;
    private final List<Problem> problems;
    private final Map<String, Given> values = new LinkedHashMap<>();
    private final Set<String> seen = new HashSet<>();

    private YamlSource(Path file, YAMLParser in, List<Problem> problems) {
        this.file = file;
        this.in = in;
        this.problems = problems;
    }

    /** Reads {@code file}; what is wrong with it is added to {@code problems}. Empty when nothing can be known of it. */
    static Optional<Map<String, Given>> read(Path file, List<Problem> problems) {
        try {
            long size = Files.size(file);
            if (size > LONGEST) {
                problems.add(new Problem(FILE, size + " bytes", file.toString(), "at most " + LONGEST + " bytes"));
                return Optional.empty();
            }
            return parse(file, Files.readAllBytes(file), problems);
        } catch (IOException e) {
            problems.add(new Problem(FILE, "not read: " + FileFailure.message(e), file.toString(), "a YAML file"));
            return Optional.empty();
        }
    }

    static Optional<Map<String, Given>> parse(Path file, byte[] yaml, List<Problem> problems) {
        try (JsonParser in = new YAMLFactory().createParser(ObjectReadContext.empty(), yaml)) {
            YamlSource source = new YamlSource(file, (YAMLParser) in, problems);
            source.document();
            return Optional.of(source.values);
        } catch (JacksonException e) {
            int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
            problems.add(new Problem(FILE, String.valueOf(e.getOriginalMessage()).replaceAll("\\s+", " "), origin(file, line), "YAML"));
            return Optional.empty();
        }
    }

    private void document() {
        JsonToken first = in.nextToken();
        if (first == null || first == JsonToken.VALUE_NULL) {
            return;
        }
        if (first != JsonToken.START_OBJECT) {
            problem(FILE, "no mapping", "keys like cache: {memory: 256MB}");
            return;
        }
        section("");
        if (in.nextToken() != null) {
            problem(FILE, "more than one document", "one");
        }
    }

    private void section(String prefix) {
        while (in.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = prefix + in.currentName();
            if (!seen.add(name)) {
                problem(name, "given twice", "each key once");
            }
            int line = line();
            JsonToken value = in.nextToken();
            if (value == JsonToken.START_OBJECT) {
                section(name + ".");
            } else if (value == JsonToken.START_ARRAY) {
                list(name, line);
            } else if (value == JsonToken.VALUE_NULL) {
                nothing(name);
            } else {
                scalar(name).ifPresent(text -> put(name, List.of(text), line));
            }
        }
    }

    /** An empty section is no section; a key without its value is a slip. */
    private void nothing(String name) {
        if (!Keys.isSection(name)) {
            problem(name, "no value", Keys.find(name).map(key -> key.type().expected()).orElse("a value"));
        }
    }

    private void list(String name, int line) {
        List<String> lines = new ArrayList<>();
        for (JsonToken item = in.nextToken(); item != JsonToken.END_ARRAY; item = in.nextToken()) {
            if (item == JsonToken.START_OBJECT && name.equals(Keys.HTTP_TOKENS.name())) {
                tokenLine(name).ifPresent(lines::add);
            } else if (item == JsonToken.START_OBJECT && name.equals(Keys.STANDBYS_NAMED.name())) {
                namedLine(name).ifPresent(lines::add);
            } else if (item.isScalarValue() && item != JsonToken.VALUE_NULL) {
                scalar(name).ifPresent(lines::add);
            } else {
                problem(name, "an item that is no text", Keys.find(name).map(key -> key.type().expected()).orElse("a text"));
                in.skipChildren();
            }
        }
        put(name, lines, line);
    }

    /** A mapping of scalars inside of a list. */
    private Map<String, String> fields(String name) {
        Map<String, String> fields = new LinkedHashMap<>();
        while (in.nextToken() == JsonToken.PROPERTY_NAME) {
            String field = in.currentName();
            if (in.nextToken().isScalarValue()) {
                scalar(name).ifPresent(text -> fields.put(field, text));
            } else {
                in.skipChildren();
                fields.put(field, "");
            }
        }
        return fields;
    }

    /** {@code {name: SLOT, delay: 1h, max-retained: 10GB}} as the line that the environment would give. */
    private Optional<String> namedLine(String name) {
        Map<String, String> fields = fields(name);
        Set<String> said = new HashSet<>(fields.keySet());
        if (!said.remove(NamedStandby.NAME) || said.isEmpty() || !NamedStandby.FIELDS.containsAll(said)) {
            problem(name, "an item with " + fields.keySet(), Keys.STANDBYS_NAMED.type().expected());
            return Optional.empty();
        }
        return Optional.of(NamedStandby.line(fields.getOrDefault(NamedStandby.NAME, ""), fields));
    }

    /** {@code {token: T, read-only: true}} as the line that the environment would give. */
    private Optional<String> tokenLine(String name) {
        Map<String, String> fields = fields(name);
        String token = fields.getOrDefault("token", "");
        String readOnly = fields.getOrDefault("read-only", "false");
        boolean known = Set.of("token", "read-only").containsAll(fields.keySet());
        if (!known || token.isBlank() || token.chars().anyMatch(Character::isWhitespace) || !(readOnly.equals("true") || readOnly.equals("false"))) {
            problem(name, "an item with " + fields.keySet(), Keys.HTTP_TOKENS.type().expected() + "; a token has no blanks");
            return Optional.empty();
        }
        return Optional.of(readOnly.equals("true") ? token + " " + HttpSettings.Token.READ_ONLY : token);
    }

    private Optional<String> scalar(String name) {
        if (in.isCurrentAlias()) {
            problem(name, "an alias", "the value itself");
            return Optional.empty();
        }
        return Optional.of(in.getString());
    }

    /** @param line where its name is: at the end of a list the reader is further on */
    private void put(String name, List<String> lines, int line) {
        values.put(name, new Given(lines, origin(file, line)));
    }

    private int line() {
        return in.currentTokenLocation().getLineNr();
    }

    private void problem(String key, String value, String expected) {
        problems.add(new Problem(key, value, origin(file, line()), expected));
    }

    private static String origin(Path file, int line) {
        return line > 0 ? "%s line %d".formatted(file, line) : file.toString();
    }
}
