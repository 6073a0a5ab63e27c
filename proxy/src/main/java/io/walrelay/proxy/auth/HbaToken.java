package io.walrelay.proxy.auth;

import java.util.ArrayList;
import java.util.List;

/** A word of a line of rules; quoted, it has no special meaning (PostgreSQL: hba.c, next_token). */
record HbaToken(String text, boolean quoted) {

    boolean isWord(String word) {
        return !quoted && text.equals(word);
    }

    boolean startsWith(String prefix) {
        return !quoted && text.startsWith(prefix);
    }

    /**
     * Cuts a line into fields, each a list of words: fields end at white space, words at commas, and a comma joins what
     * follows it even over white space. {@code #} begins a comment.
     *
     * @throws IllegalArgumentException if a quote is not closed
     */
    static List<List<HbaToken>> fields(String line) {
        List<List<HbaToken>> fields = new ArrayList<>();
        List<HbaToken> field = new ArrayList<>();
        int at = 0;
        while (true) {
            while (at < line.length() && (Character.isWhitespace(line.charAt(at)) || line.charAt(at) == ',')) {
                at++;
            }
            if (at >= line.length() || line.charAt(at) == '#') {
                break;
            }
            boolean quoted = line.charAt(at) == '"';
            boolean inQuotes = false;
            StringBuilder word = new StringBuilder();
            for (; at < line.length(); at++) {
                char c = line.charAt(at);
                if (c == '"') {
                    // Two quotes inside quotes are one.
                    if (inQuotes && at + 1 < line.length() && line.charAt(at + 1) == '"') {
                        word.append('"');
                        at++;
                        continue;
                    }
                    inQuotes = !inQuotes;
                } else if (!inQuotes && (Character.isWhitespace(c) || c == ',' || c == '#')) {
                    break;
                } else {
                    word.append(c);
                }
            }
            if (inQuotes) {
                throw new IllegalArgumentException("unterminated quoted string");
            }
            field.add(new HbaToken(word.toString(), quoted));
            if (at >= line.length() || line.charAt(at) != ',') {
                fields.add(List.copyOf(field));
                field.clear();
            }
        }
        if (!field.isEmpty()) {
            fields.add(List.copyOf(field));
        }
        return fields;
    }
}
