package io.walrelay.proxy.auth;

import java.util.List;
import java.util.regex.Pattern;

/** One rule. Rules of type hostgssenc are read and never fit: the relay has no GSSAPI. */
record HbaRule(
        int line, Type type, List<Name> databases, List<Name> users, HbaAddress address, Hba.Method method, Hba.ClientCert clientCert) {

    HbaRule {
        databases = List.copyOf(databases);
        users = List.copyOf(users);
    }

    enum Type {
        LOCAL,
        HOST,
        HOSTSSL,
        HOSTNOSSL,
        HOSTGSSENC,
        HOSTNOGSSENC;

        /** For a connection over the network. */
        boolean fits(boolean encrypted) {
            return switch (this) {
                case LOCAL, HOSTGSSENC -> false;
                case HOST, HOSTNOGSSENC -> true;
                case HOSTSSL -> encrypted;
                case HOSTNOSSL -> !encrypted;
            };
        }
    }

    /** A word of a database or user field. */
    sealed interface Name {
        record All() implements Name {}

        record Replication() implements Name {}

        record SameUser() implements Name {}

        record Exact(String name) implements Name {}

        /** Fits when it is found anywhere in the name. */
        record Regex(Pattern pattern) implements Name {}
    }

    boolean fits(ConnectionFacts facts) {
        return fitsAddress(facts)
                && databases.stream().anyMatch(name -> fitsDatabase(name, facts))
                && users.stream().anyMatch(name -> fitsUser(name, facts.user()));
    }

    private boolean fitsAddress(ConnectionFacts facts) {
        return facts.address()
                .map(client -> type.fits(facts.encrypted()) && address.matches(client, facts.local()))
                .orElse(type == Type.LOCAL);
    }

    private static boolean fitsDatabase(Name name, ConnectionFacts facts) {
        if (facts.physicalReplication()) {
            return name instanceof Name.Replication;
        }
        return switch (name) {
            case Name.All all -> true;
            case Name.Replication replication -> false;
            case Name.SameUser same -> facts.database().equals(facts.user());
            case Name.Exact exact -> exact.name().equals(facts.database());
            case Name.Regex regex -> regex.pattern().matcher(facts.database()).find();
        };
    }

    private static boolean fitsUser(Name name, String user) {
        return switch (name) {
            case Name.All all -> true;
            case Name.Replication replication -> false;
            case Name.SameUser same -> false;
            case Name.Exact exact -> exact.name().equals(user);
            case Name.Regex regex -> regex.pattern().matcher(user).find();
        };
    }
}
