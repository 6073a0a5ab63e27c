package io.walrelay.proxy.cli;

import io.walrelay.proxy.client.Relays;
import io.walrelay.proxy.config.Durations;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options of the commands that PostgreSQL runs for every file; a mixin for picocli. */
final class RelayOptions {

    @Option(names = "--relay", paramLabel = "URL[,URL]", required = true, converter = Urls.class, description = "The relays' HTTP ports, like http://relay:8433, in the order in which they are asked.")
    private List<URI> relays = List.of();

    @Mixin
    private final RelayCredentials credentials = new RelayCredentials();

    /** A list of relays, one value and not several. */
    static final class Urls implements ITypeConverter<List<URI>> {
        @Override
        public List<URI> convert(String value) {
            try {
                return Relays.parse(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    /** A time as the configuration writes it. */
    static final class Time implements ITypeConverter<Duration> {
        @Override
        public Duration convert(String value) {
            try {
                return Durations.parse(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    /** As {@link RelayCredentials#relays}. */
    Relays relays(Duration timeout) throws IOException {
        return credentials.relays(relays, timeout);
    }
}
