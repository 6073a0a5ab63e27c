package io.walrelay.proxy.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;

/** The restore_command client for hosts without Java: a file of this package, with the relay that gives it filled in. */
final class RestoreScript {

    static final String CONTENT_TYPE = "text/x-shellscript; charset=utf-8";

    private static final String MARK = "@RELAY@";

    /** What is safe between a shell's single quotes, and in a URL. */
    private static final Pattern HARMLESS = Pattern.compile("https?://[A-Za-z0-9.:/_~%\\[\\]-]+");

    private static final String TEXT = read();

    private RestoreScript() {}

    private static String read() {
        try (InputStream file = Objects.requireNonNull(RestoreScript.class.getResourceAsStream("restore.sh"), "restore.sh")) {
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("could not read restore.sh", e);
        }
    }

    /** @param relay whom the script asks unless it is told otherwise; left out when it is no plain URL */
    static String asking(Optional<String> relay) {
        return TEXT.replace(MARK, relay.filter(url -> HARMLESS.matcher(url).matches()).orElse(""));
    }
}
