package io.walrelay.proxy.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where settings come from. A flag goes before the environment, the environment before the file.
 *
 * @param file the configuration file, if there is one
 * @param environment all variables: those that begin with {@code WALRELAY_} are settings, libpq's own complete the conninfo
 * @param flags values by the option's name, like {@code --listen}
 * @param hostname what {@code {hostname}} stands for
 * @param directMemory bytes outside the heap that the process may use
 */
public record SettingsSources(
        Optional<Path> file, Map<String, String> environment, Map<String, String> flags, String hostname, long directMemory) {

    public SettingsSources {
        environment = Map.copyOf(environment);
        flags = Map.copyOf(flags);
    }

    /**
     * Reads and checks everything.
     *
     * @throws InvalidSettingsException with all that is wrong
     */
    public Settings conclude() throws InvalidSettingsException {
        return concluding().conclude();
    }

    /** As {@link #conclude}, for whoever reads the sources again while the relay runs. */
    public Configuration configuration() throws InvalidSettingsException {
        return concluding().configuration();
    }

    /**
     * The HTTP port alone, for whoever asks a relay that runs: upstream need not be known here.
     *
     * @throws InvalidSettingsException with all that is wrong with it, with a key's name, or with a conninfo that is given
     */
    public HttpSettings concludeHttp() throws InvalidSettingsException {
        return concluding().concludeHttp();
    }

    /**
     * Where WAL is kept alone, for whoever looks at it beside the relay or without one: upstream need not be known here.
     *
     * @throws InvalidSettingsException with all that is wrong with it, or with a key's name
     */
    public KeepingSettings concludeKeeping() throws InvalidSettingsException {
        return concluding().concludeKeeping();
    }

    /**
     * Upstream alone, for whoever asks its servers something and is not the relay.
     *
     * @throws InvalidSettingsException with all that is wrong with it, or with a key's name
     */
    public UpstreamSettings concludeUpstream() throws InvalidSettingsException {
        return concluding().concludeUpstream();
    }

    private Concluding concluding() throws InvalidSettingsException {
        List<Problem> problems = new ArrayList<>();
        Map<String, Given> given = new LinkedHashMap<>();
        if (file.isPresent()) {
            // Where the file can't be read, what it does not give would be named as missing.
            given.putAll(YamlSource.read(file.get(), problems).orElseThrow(() -> new InvalidSettingsException(problems)));
        }
        given.putAll(EnvironmentSource.read(environment, problems));
        given.putAll(flagValues());
        return new Concluding(given, environment, hostname, directMemory, problems);
    }

    private Map<String, Given> flagValues() {
        Map<String, Given> values = new LinkedHashMap<>();
        flags.forEach((flag, text) -> {
            Key<?> key = Keys.ALL.stream()
                    .filter(candidate -> candidate.flag().equals(Optional.of(flag)))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("no setting has the flag " + flag));
            values.put(key.name(), new Given(key.type().lines(text), flag));
        });
        return values;
    }
}
