package io.walrelay.proxy.config;

import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.Keys.Tls;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.InvalidConninfoException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
/** What the sources say, key by key, and what is wrong with it. Confined to one thread. */
final class Values {

    private final Map<String, Given> given;
    private final Map<String, String> environment;
    private final List<Problem> problems;

    /** @param problems what is wrong is added to them */
    Values(Map<String, Given> given, Map<String, String> environment, List<Problem> problems) {
        this.given = given;
        this.environment = environment;
        this.problems = problems;
    }

    boolean has(Key<?> key) {
        return given.containsKey(key.name());
    }

    /** The value that was given, else the default; empty when there is neither, or when it is wrong, which is then noted. */
    <T> Optional<T> read(Key<T> key) {
        Given value = given.get(key.name());
        if (value == null) {
            return key.defaultText().map(text -> key.type().read().apply(List.of(text)));
        }
        if (!key.type().list() && value.lines().size() != 1) {
            problem(key, key.type().expected());
            return Optional.empty();
        }
        try {
            return Optional.of(key.type().read().apply(value.lines()));
        } catch (IllegalArgumentException e) {
            problem(key, key.type().expected());
            return Optional.empty();
        }
    }

    List<String> lines(Key<?> key) {
        Given value = given.get(key.name());
        return value == null ? List.of() : value.lines();
    }

    Optional<ByteSize> atLeast(Key<ByteSize> key, ByteSize least) {
        var size = read(key);
        if (size.isPresent() && size.get().compareTo(least) < 0) {
            problem(key, "at least %s".formatted(least));
        }
        return size;
    }

    Optional<Path> readable(Key<Path> key) {
        var path = read(key);
        if (path.isPresent() && !isReadable(path.get())) {
            problem(key, "a file that exists and that this user may read");
        }
        return path;
    }

    static boolean isReadable(Path path) {
        return Files.isRegularFile(path) && Files.isReadable(path);
    }

    /** Its defaults are libpq's: the PG… variables count too. */
    Optional<Conninfo> conninfo(Key<Secret> key) {
        return conninfo(key, environment);
    }

    /** @param defaults libpq's variables that complete it */
    Optional<Conninfo> conninfo(Key<Secret> key, Map<String, String> defaults) {
        try {
            return read(key).map(text -> Conninfo.parse(text.utf8(), defaults));
        } catch (InvalidConninfoException e) {
            problem(key, "%s; %s".formatted(key.type().expected(), e.getMessage()));
            return Optional.empty();
        }
    }

    Optional<TlsSettings> tls(Tls keys) {
        var cert = readable(keys.cert());
        var key = readable(keys.key());
        var clientCa = readable(keys.clientCa());
        boolean hasCert = has(keys.cert());
        boolean hasKey = has(keys.key());
        if (hasCert && !hasKey) {
            problem(keys.cert(), "%s with it".formatted(keys.key().name()));
        } else if (hasKey && !hasCert) {
            problem(keys.key(), "%s with it".formatted(keys.cert().name()));
        } else if (!hasCert && has(keys.clientCa())) {
            problem(keys.clientCa(), "%s and %s with it".formatted(keys.cert().name(), keys.key().name()));
        }
        return cert.isPresent() && key.isPresent() ? Optional.of(new TlsSettings(cert.get(), key.get(), clientCa)) : Optional.empty();
    }

    void refuseUnknownKeys() {
        given.forEach((name, value) -> {
            if (Keys.find(name).isEmpty()) {
                String expected = Keys.isSection(name)
                        ? "a mapping, since %s is a section".formatted(name)
                        : "a known key" + Keys.nearest(name).map(near -> "; did you mean %s?".formatted(near)).orElse("");
                problems.add(new Problem(name, "unknown", value.origin(), expected));
            }
        });
    }

    void problem(Key<?> key, String expected) {
        Given value = given.get(key.name());
        String origin = value == null ? "default" : value.origin();
        String shown = key.type().secret() ? "(not shown)" : value == null ? key.defaultText().orElse("not given") : value.shown();
        problems.add(new Problem(key.name(), shown, origin, expected));
    }

    /** As {@link #problem(Key, String)}, of a key that is not given and has no default. */
    void missing(Key<?> key, String where) {
        problems.add(new Problem(key.name(), "not given", where, key.type().expected()));
    }
}
