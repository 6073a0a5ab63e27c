package io.walrelay.proxy.cli;

import io.netty.util.internal.PlatformDependent;
import io.walrelay.proxy.config.Configuration;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.config.KeepingSettings;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.config.SettingsSources;
import io.walrelay.proxy.config.UpstreamSettings;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of every command that needs the relay's settings; a mixin for picocli. */
final class SettingsOptions {

    private static final String UPSTREAM = "--upstream";

    @Option(names = {"-c", "--config"}, paramLabel = "FILE", description = "The configuration file (YAML); also WALRELAY_CONFIG.")
    private @Nullable Path config;

    @Option(names = UPSTREAM, arity = "0..1", paramLabel = "CONNINFO", description = "The servers to read from, in libpq's form.")
    private @Nullable String upstream;

    @Option(names = "--slot", paramLabel = "NAME", description = "The relay's slot on the servers that it reads from (default: walrelay_{hostname}).")
    private @Nullable String slot;

    @Option(names = "--listen", paramLabel = "HOST:PORT", description = "The PostgreSQL port (default: 127.0.0.1:6433).")
    private @Nullable String listen;

    @Option(names = "--http", paramLabel = "HOST:PORT", description = "The HTTP port (default: 127.0.0.1:8433).")
    private @Nullable String http;

    @Option(names = "--data", paramLabel = "DIR", description = "The relay's own files (default: /var/lib/walrelay).")
    private @Nullable String data;

    @Option(names = "--archive", paramLabel = "URL", description = "Where WAL goes for good: file:///PATH or s3://BUCKET/PREFIX.")
    private @Nullable String archive;

    /** @throws InvalidSettingsException with all that is wrong */
    Settings conclude() throws InvalidSettingsException {
        return sources().conclude();
    }

    /** As {@link SettingsSources#configuration}. */
    Configuration configuration() throws InvalidSettingsException {
        return sources().configuration();
    }

    /** As {@link SettingsSources#concludeHttp}. */
    HttpSettings concludeHttp() throws InvalidSettingsException {
        return sources().concludeHttp();
    }

    /** As {@link SettingsSources#concludeKeeping}. */
    KeepingSettings concludeKeeping() throws InvalidSettingsException {
        return sources().concludeKeeping();
    }

    /** Whether {@code --upstream} was given, with a value or without. */
    boolean namesUpstream() {
        return upstream != null;
    }

    /**
     * As {@link SettingsSources#concludeUpstream}; {@code --upstream} without a value adds nothing to the other sources.
     *
     * @throws InvalidSettingsException with all that is wrong
     */
    UpstreamSettings concludeUpstream() throws InvalidSettingsException {
        Map<String, String> flags = flags();
        flags.remove(UPSTREAM, "");
        return sources(flags).concludeUpstream();
    }

    private SettingsSources sources() {
        return sources(flags());
    }

    private SettingsSources sources(Map<String, String> flags) {
        Map<String, String> environment = System.getenv();
        Optional<Path> file = Optional.ofNullable(config).or(() -> Optional.ofNullable(environment.get("WALRELAY_CONFIG")).map(Path::of));
        return new SettingsSources(file, environment, flags, hostname(), PlatformDependent.maxDirectMemory());
    }

    private Map<String, String> flags() {
        Map<String, String> flags = new LinkedHashMap<>();
        put(flags, UPSTREAM, upstream);
        put(flags, "--slot", slot);
        put(flags, "--listen", listen);
        put(flags, "--http", http);
        put(flags, "--data", data);
        put(flags, "--archive", archive);
        return flags;
    }

    private static void put(Map<String, String> flags, String name, @Nullable String value) {
        if (value != null) {
            flags.put(name, value);
        }
    }

    /** As the kernel knows it: the resolver's answer may change or take seconds, and the slot's name must do neither. */
    private static String hostname() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            return InetAddress.getLoopbackAddress().getHostName();
        }
    }
}
