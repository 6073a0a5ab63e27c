package io.walrelay.proxy.config;

import io.walrelay.cache.archive.ArchiveLocation;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.config.HttpSettings.Token;
import io.walrelay.proxy.config.UpstreamSettings.Start;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What the value of a key is and how its text is read. A value arrives as lines of text, whichever source it comes from; all
 * types but lists take one.
 *
 * @param expected completes the sentence "expected …"
 * @param list whether several lines are one value
 * @param secret whether the text may be shown
 * @param read throws IllegalArgumentException for a text that is no such value
 */
record ValueType<T>(String expected, boolean list, boolean secret, Function<List<String>, T> read) {

    static final ValueType<String> TEXT = one("a text that is not empty", ValueType::text);
    static final ValueType<Secret> CONNINFO =
            new ValueType<>("a libpq connection string, like host=pg1,pg2 user=walrelay", false, true, l -> Secret.utf8(text(l.getFirst())));
    static final ValueType<ByteSize> SIZE = one(ByteSize.EXPECTED, ByteSize::parse);
    static final ValueType<Duration> TIME = one(Durations.EXPECTED, Durations::parse);
    static final ValueType<HostPort> ADDRESS = one(HostPort.EXPECTED, HostPort::parse);
    static final ValueType<Path> FILE = one("the path of a file", text -> Path.of(text(text)).toAbsolutePath().normalize());
    static final ValueType<Path> DIRECTORY = one("the path of a directory", FILE.read.compose(List::of));
    static final ValueType<Start> START = one("slot, oldest or an LSN like 16/B374D848", Start::parse);
    /** Read by {@link Concluding}, which says what is wrong with it. */
    static final ValueType<String> POLICY = one(AcknowledgePolicy.EXPECTED, ValueType::text);
    static final ValueType<ArchiveLocation> ARCHIVE = one("file:///PATH or s3://BUCKET/PREFIX, with ?endpoint=URL for other services than Amazon's", ArchiveLocation::parse);
    static final ValueType<Boolean> BOOLEAN = one("true or false", ValueType::bool);
    static final ValueType<URI> HTTP_URL = one("a URL like https://relay:8433", ValueType::httpUrl);
    static final ValueType<List<URI>> HTTP_URLS = new ValueType<>(
            "a list of URLs like https://relay2:8433; in the environment separated by ;", true, false, lines -> lines.stream().map(ValueType::portUrl).toList());
    static final ValueType<HintUrl> HINT = one("a URL like http://{host}:8008/primary or https://pg1:8008/cluster", HintUrl::parse);
    static final ValueType<List<String>> LINES = new ValueType<>("a list of lines", true, false, List::copyOf);
    static final ValueType<List<Token>> TOKENS = new ValueType<>(
            "a list of {token: TEXT, read-only: true or false}; in the environment TOKEN or TOKEN read-only, separated by ;",
            true,
            true,
            lines -> lines.stream().map(ValueType::token).toList());

    static final ValueType<List<NamedStandby>> NAMED =
            new ValueType<>(NamedStandby.EXPECTED, true, false, lines -> lines.stream().map(NamedStandby::parse).toList());

    static ValueType<Integer> integer(int min, int max) {
        return one("a whole number from %d to %d".formatted(min, max), text -> {
            int number = Integer.parseInt(text);
            if (number < min || number > max) {
                throw new IllegalArgumentException("%d is out of range".formatted(number));
            }
            return number;
        });
    }

    /** The constants of an enum, written in lower case with hyphens. */
    static <E extends Enum<E>> ValueType<E> choice(Class<E> constants) {
        List<E> all = List.of(constants.getEnumConstants());
        return one(all.stream().map(ValueType::written).collect(Collectors.joining(" or ")), text -> all.stream()
                .filter(constant -> written(constant).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no such choice")));
    }

    private static <T> ValueType<T> one(String expected, Function<String, T> read) {
        return new ValueType<>(expected, false, false, lines -> read.apply(lines.getFirst()));
    }

    private static String written(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static String text(String text) {
        if (text.isBlank()) {
            throw new IllegalArgumentException("empty");
        }
        return text;
    }

    private static Boolean bool(String text) {
        return switch (text) {
            case "true", "on", "yes", "1" -> true;
            case "false", "off", "no", "0" -> false;
            default -> throw new IllegalArgumentException("no such choice");
        };
    }

    private static URI httpUrl(String text) {
        URI url = URI.create(text);
        if (url.getHost() == null || !("http".equals(url.getScheme()) || "https".equals(url.getScheme()))) {
            throw new IllegalArgumentException("not an HTTP address");
        }
        return url;
    }

    /** Paths are put behind it, and it is one of a list. */
    private static URI portUrl(String text) {
        URI url = httpUrl(text);
        if (url.getRawUserInfo() != null || url.getRawQuery() != null || url.getRawFragment() != null || text.contains(",")) {
            throw new IllegalArgumentException("not an HTTP port");
        }
        return url;
    }

    private static Token token(String line) {
        String[] words = line.strip().split("\\s+", -1);
        if (words[0].isEmpty() || words.length > 2 || (words.length == 2 && !words[1].equals(Token.READ_ONLY))) {
            throw new IllegalArgumentException("not a token");
        }
        return new Token(Secret.utf8(words[0]), words.length == 2);
    }

    /** The value of {@code text} as the environment and flags give it: a list's lines are separated by line ends or {@code ;}. */
    List<String> lines(String text) {
        return list
                ? Arrays.stream(text.split("[;\n]", -1)).map(String::strip).filter(line -> !line.isEmpty()).toList()
                : List.of(text);
    }
}
