package io.walrelay.proxy.auth;

import io.walrelay.protocol.message.Secret;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Users from a file: a line {@code "user" "verifier"} each, as in PgBouncer's auth_file, and perhaps a third word,
 * {@code replication} (the default) or {@code noreplication}. A quote within quotes is doubled; a line that begins with
 * {@code ;} or {@code #} is a comment. The file is read again for each look-up, so a change holds at once.
 */
public final class UsersFile implements Users {

    private static final Pattern LINE = Pattern.compile(
            "\\s*\"(?<user>(?:[^\"]|\"\")+)\"\\s+\"(?<verifier>(?:[^\"]|\"\")*)\"(?:\\s+(?<word>\\S+))?\\s*");

    private final Path file;
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();

    public UsersFile(Path file) {
        this.file = file;
    }

    /**
     * Reads the lines of such a file.
     *
     * @throws IllegalArgumentException with every line that is not of that form, by number: no line is shown, it may hold
     *     a password
     */
    public static Map<String, UserEntry> parse(List<String> lines) {
        Map<String, UserEntry> users = new LinkedHashMap<>();
        List<String> problems = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || line.startsWith(";") || line.startsWith("#")) {
                continue;
            }
            Matcher m = LINE.matcher(line);
            String word = m.matches() ? Optional.ofNullable(m.group("word")).orElse("replication") : "";
            if (!word.equals("replication") && !word.equals("noreplication")) {
                problems.add("line %d; expected \"user\" \"verifier\" [replication|noreplication]".formatted(i + 1));
                continue;
            }
            String user = m.group("user").replace("\"\"", "\"");
            String verifier = m.group("verifier").replace("\"\"", "\"");
            UserEntry entry = new UserEntry(
                    user, Optional.of(verifier).filter(v -> !v.isEmpty()).map(Secret::utf8), word.equals("replication"), true, Optional.empty());
            if (users.putIfAbsent(user, entry) != null) {
                problems.add("line %d: user \"%s\" is there twice".formatted(i + 1, user));
            }
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException(String.join("; ", problems));
        }
        return users;
    }

    @Override
    public CompletionStage<Lookup> find(String user) {
        return CompletableFuture.supplyAsync(() -> read(user), executor);
    }

    private Lookup read(String user) {
        try {
            UserEntry entry = parse(Files.readAllLines(file, StandardCharsets.UTF_8)).get(user);
            return entry == null ? new Lookup.Unknown() : new Lookup.Found(entry, false);
        } catch (IOException | IllegalArgumentException e) {
            return new Lookup.Unavailable("users file %s: %s".formatted(file, e.getMessage()), Optional.empty());
        }
    }

    @Override
    public void close() {
        executor.close();
    }
}
