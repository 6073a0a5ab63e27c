package io.walrelay.proxy.cli;

import picocli.CommandLine.IVersionProvider;

/** What {@code walrelay --version} prints: the version in the jar's manifest. */
final class Version implements IVersionProvider {

    @Override
    public String[] getVersion() {
        return new String[] {"walrelay " + number()};
    }

    static String number() {
        String version = Version.class.getPackage().getImplementationVersion();
        return version == null ? "(not run from a jar)" : version;
    }
}
