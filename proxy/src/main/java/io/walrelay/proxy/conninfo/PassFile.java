package io.walrelay.proxy.conninfo;

import io.walrelay.protocol.message.Secret;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;

/**
 * A password file: lines of {@code hostname:port:database:username:password}, where {@code *} alone is any value and a
 * backslash takes the meaning from a colon or a backslash (fe-connect.c, passwordFromFile).
 */
public final class PassFile {

    /** The database that a connection for physical replication is looked up with. */
    public static final String REPLICATION = "replication";

    /** A password file as it was found: without the file, or with one that is not to be trusted, there are no entries. */
    public record Reading(PassFile passFile, Optional<String> warning) {}

    private final List<String> lines;

    private PassFile(List<String> lines) {
        this.lines = lines;
    }

    public static PassFile parse(List<String> lines) {
        return new PassFile(lines.stream().filter(line -> !line.startsWith("#")).toList());
    }

    /**
     * Reads a file. One that does not exist is empty without a warning; one that others than its owner can get at is not
     * used, and the warning says so in libpq's words. Nor is one that this user may not read, such as that of the user who started the process by
     * another name; libpq says nothing of it.
     *
     * @throws IOException if it can't be read for another reason
     */
    public static Reading read(Path file) throws IOException {
        PosixFileAttributes attributes;
        try {
            attributes = Files.getFileAttributeView(file, PosixFileAttributeView.class).readAttributes();
        } catch (NoSuchFileException e) {
            return new Reading(parse(List.of()), Optional.empty());
        } catch (AccessDeniedException e) {
            return forbidden(file);
        }
        if (!attributes.isRegularFile()) {
            return refused("WARNING: password file \"%s\" is not a plain file".formatted(file));
        }
        EnumSet<PosixFilePermission> others = EnumSet.allOf(PosixFilePermission.class);
        others.removeIf(p -> p.name().startsWith("OWNER"));
        others.retainAll(attributes.permissions());
        if (!others.isEmpty()) {
            return refused("WARNING: password file \"%s\" has group or world access; permissions should be u=rw (0600) or less".formatted(file));
        }
        try {
            return new Reading(parse(Files.readString(file, StandardCharsets.UTF_8).lines().toList()), Optional.empty());
        } catch (AccessDeniedException e) {
            return forbidden(file);
        }
    }

    private static Reading forbidden(Path file) {
        return refused("WARNING: password file \"%s\" can't be read by system user \"%s\"".formatted(file, System.getProperty("user.name")));
    }

    private static Reading refused(String warning) {
        return new Reading(parse(List.of()), Optional.of(warning));
    }

    /** The password of the first line that fits. */
    public Optional<Secret> find(HostAddress host, String database, String user) {
        return lines.stream()
                .map(line -> password(line, host.host(), Integer.toString(host.port()), database, user))
                .flatMap(Optional::stream)
                .findFirst()
                // The first line that fits decides, also when it says nothing.
                .filter(password -> password.length() > 0);
    }

    private static Optional<Secret> password(String line, String... fields) {
        int at = 0;
        for (String field : fields) {
            at = afterField(line, at, field);
            if (at < 0) {
                return Optional.empty();
            }
        }
        StringBuilder password = new StringBuilder();
        for (; at < line.length() && line.charAt(at) != ':'; at++) {
            if (line.charAt(at) == '\\' && at + 1 < line.length()) {
                at++;
            }
            password.append(line.charAt(at));
        }
        return Optional.of(Secret.utf8(password.toString()));
    }

    /** Where the next field begins, or -1 if this one is not {@code expected}. */
    private static int afterField(String line, int from, String expected) {
        if (line.startsWith("*:", from)) {
            return from + 2;
        }
        int at = from;
        for (int i = 0; i <= expected.length(); i++, at++) {
            boolean escaped = at + 1 < line.length() && line.charAt(at) == '\\';
            if (escaped) {
                at++;
            }
            if (at >= line.length()) {
                return -1;
            }
            if (i == expected.length()) {
                return !escaped && line.charAt(at) == ':' ? at + 1 : -1;
            }
            if ((!escaped && line.charAt(at) == ':') || line.charAt(at) != expected.charAt(i)) {
                return -1;
            }
        }
        return -1;
    }

    /** How many lines there are, and none of them. */
    @Override
    public String toString() {
        return "%d lines".formatted(lines.size());
    }
}
