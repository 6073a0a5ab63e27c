package io.walrelay.proxy.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;

/**
 * Settings, and the words in which they were given, so that another reading of the same sources can be compared with them.
 *
 * @param said what was given, by the key's name; holds secrets
 */
public record Configuration(Settings settings, Map<String, List<String>> said) {

    public Configuration {
        said = Map.copyOf(said);
    }

    /** Whoever reads the sources anew. */
    @FunctionalInterface
    public interface Reader {
        /** @throws InvalidSettingsException with all that is wrong */
        Configuration read() throws InvalidSettingsException;
    }

    /**
     * Names of the keys whose value another reading changes, in the order of the manual.
     *
     * @param takenUp a relay that runs goes by the new value
     * @param needRestart it goes on by the old one
     */
    public record Difference(List<String> takenUp, List<String> needRestart) {

        public Difference {
            takenUp = List.copyOf(takenUp);
            needRestart = List.copyOf(needRestart);
        }
    }

    static Configuration of(Settings settings, Map<String, Given> given) {
        Map<String, List<String>> said = new LinkedHashMap<>();
        given.forEach((key, value) -> said.put(key, value.lines()));
        return new Configuration(settings, said);
    }

    /** What {@code later} says otherwise. A key that now says in words what holds by default differs, too. */
    public Difference to(Configuration later) {
        return new Difference(changed(later, key -> takenUp(key, later)), changed(later, key -> !takenUp(key, later)));
    }

    /**
     * Rules are made for an address, for users and for what clients may become upstream: new ones must not meet the old of those. So what belongs to
     * a port waits for the restart together with the rest of it.
     */
    private boolean takenUp(Key<?> key, Configuration later) {
        return key.reloaded() && !waits(key.section(), later);
    }

    private boolean waits(String section, Configuration later) {
        return !changed(later, key -> key.section().equals(section) && !key.reloaded()).isEmpty();
    }

    private List<String> changed(Configuration later, Predicate<Key<?>> which) {
        return Keys.ALL.stream().filter(key -> !Objects.equals(said.get(key.name()), later.said.get(key.name()))).filter(which).map(Key::name).toList();
    }

    /** As it holds in a relay that was started by this and took up {@code later}, as far as that goes while it runs. */
    public Configuration takeUp(Configuration later) {
        Settings now = settings.with(
                waits("listen", later) ? settings.listen() : settings.listen().takeUp(later.settings.listen()),
                waits("http", later) ? settings.http() : settings.http().takeUp(later.settings.http()));
        Map<String, List<String>> words = new LinkedHashMap<>(said);
        to(later).takenUp().forEach(key -> words.compute(key, (name, _) -> later.said.get(name)));
        return new Configuration(now, words);
    }

    @Override
    public String toString() {
        return "configuration of " + said.keySet();
    }
}
