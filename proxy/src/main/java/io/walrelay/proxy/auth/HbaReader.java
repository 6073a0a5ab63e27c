package io.walrelay.proxy.auth;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

/** Reads access rules and gathers every problem on the way (PostgreSQL: hba.c, parse_hba_line). Used once. */
final class HbaReader {

    private final List<String> problems = new ArrayList<>();

    private HbaReader() {}

    static List<HbaRule> read(List<String> lines) {
        HbaReader reader = new HbaReader();
        List<HbaRule> rules = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            int number = i + 1;
            StringBuilder line = new StringBuilder(lines.get(i));
            while (line.length() > 0 && line.charAt(line.length() - 1) == '\\' && i + 1 < lines.size()) {
                line.setLength(line.length() - 1);
                line.append(lines.get(++i));
            }
            try {
                List<List<HbaToken>> fields = HbaToken.fields(line.toString());
                if (!fields.isEmpty()) {
                    rules.add(rule(number, fields));
                }
            } catch (IllegalArgumentException e) {
                reader.problems.add("hba line %d: %s".formatted(number, e.getMessage()));
            }
        }
        if (!reader.problems.isEmpty()) {
            throw new InvalidHbaException(reader.problems);
        }
        return rules;
    }

    private static IllegalArgumentException problem(String field, String value, String expected) {
        return new IllegalArgumentException("%s \"%s\"; expected %s".formatted(field, value, expected));
    }

    private static HbaRule rule(int line, List<List<HbaToken>> fields) {
        String word = single(fields, 0, "connection type");
        if (word.startsWith("include")) {
            throw problem("connection type", word, "a rule: other files are not read");
        }
        HbaRule.Type type = Arrays.stream(HbaRule.Type.values())
                .filter(t -> t.name().toLowerCase(Locale.ROOT).equals(word))
                .findFirst()
                .orElseThrow(() -> problem("connection type", word, "local, host, hostssl, hostnossl, hostgssenc, hostnogssenc"));
        List<HbaRule.Name> databases = field(fields, 1, "database").stream().map(HbaReader::database).toList();
        List<HbaRule.Name> users = field(fields, 2, "user").stream().map(HbaReader::user).toList();
        int at = 3;
        HbaAddress address = new HbaAddress.All();
        if (type != HbaRule.Type.LOCAL) {
            HbaToken where = one(fields, at++, "address");
            boolean mask = !where.quoted() && HbaAddress.isLiteral(where.text());
            address = mask ? masked(where.text(), single(fields, at++, "netmask")) : address(where);
        }
        Hba.Method method = method(single(fields, at++, "method"), type);
        return new HbaRule(line, type, databases, users, address, method, options(fields.subList(at, fields.size()), type, method));
    }

    private static List<HbaToken> field(List<List<HbaToken>> fields, int index, String what) {
        if (index >= fields.size()) {
            throw new IllegalArgumentException("end of line before the %s; expected TYPE DATABASE USER ADDRESS METHOD [OPTION…]".formatted(what));
        }
        return fields.get(index);
    }

    private static HbaToken one(List<List<HbaToken>> fields, int index, String what) {
        List<HbaToken> field = field(fields, index, what);
        if (field.size() != 1) {
            throw problem(what, field.stream().map(HbaToken::text).collect(Collectors.joining(",")), "one value");
        }
        return field.getFirst();
    }

    private static String single(List<List<HbaToken>> fields, int index, String what) {
        return one(fields, index, what).text();
    }

    private static HbaRule.Name database(HbaToken token) {
        if (token.isWord("all")) {
            return new HbaRule.Name.All();
        }
        if (token.isWord("replication")) {
            return new HbaRule.Name.Replication();
        }
        if (token.isWord("sameuser")) {
            return new HbaRule.Name.SameUser();
        }
        if (token.isWord("samerole") || token.isWord("samegroup")) {
            throw problem("database", token.text(), "a name, all, replication, sameuser or /regex: the relay does not know which roles are members of which");
        }
        return name("database", token);
    }

    private static HbaRule.Name user(HbaToken token) {
        if (token.isWord("all")) {
            return new HbaRule.Name.All();
        }
        if (token.startsWith("+")) {
            throw problem("user", token.text(), "a name, all or /regex: the relay does not know which roles are members of which");
        }
        return name("user", token);
    }

    private static HbaRule.Name name(String field, HbaToken token) {
        if (token.startsWith("@")) {
            throw problem(field, token.text(), "names: other files are not read");
        }
        if (!token.startsWith("/")) {
            return new HbaRule.Name.Exact(token.text());
        }
        try {
            return new HbaRule.Name.Regex(Pattern.compile(token.text().substring(1)));
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException("%s \"%s\"; expected a regular expression after the slash: %s".formatted(field, token.text(), e.getDescription()), e);
        }
    }

    private static HbaAddress address(HbaToken token) {
        if (token.isWord("all")) {
            return new HbaAddress.All();
        }
        if (token.isWord("samehost")) {
            return new HbaAddress.SameHost();
        }
        if (token.isWord("samenet")) {
            return new HbaAddress.SameNet();
        }
        int slash = token.text().indexOf('/');
        if (slash < 0) {
            throw problem("address", token.text(), "ADDRESS/PREFIX, ADDRESS MASK, samehost, samenet or all: host names are not supported, since a name in a rule is only as safe as the reverse look-up");
        }
        try {
            InetAddress network = HbaAddress.literal(token.text().substring(0, slash));
            String prefix = token.text().substring(slash + 1);
            int bits = network.getAddress().length * 8;
            if (prefix.matches("[0-9]{1,3}") && Integer.parseInt(prefix) <= bits) {
                return HbaAddress.Range.of(network, Integer.parseInt(prefix));
            }
            throw problem("address", token.text(), "a prefix of 0 to %d bits".formatted(bits));
        } catch (IllegalArgumentException e) {
            if (e.getMessage() != null && e.getMessage().startsWith("address ")) {
                throw e;
            }
            throw new IllegalArgumentException("address \"%s\"; expected an IPv4 or IPv6 address before the slash".formatted(token.text()), e);
        }
    }

    private static HbaAddress masked(String address, String mask) {
        InetAddress network;
        InetAddress bits;
        try {
            network = HbaAddress.literal(address);
            bits = HbaAddress.literal(mask);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("address \"%s %s\"; expected an IP address and a netmask, or ADDRESS/PREFIX".formatted(address, mask), e);
        }
        if (network.getAddress().length != bits.getAddress().length) {
            throw problem("address", address + " " + mask, "an IP address and a netmask of the same family");
        }
        return new HbaAddress.Range(network, bits);
    }

    private static Hba.Method method(String word, HbaRule.Type type) {
        Hba.Method method = Arrays.stream(Hba.Method.values())
                .filter(m -> m.toString().equals(word))
                .findFirst()
                .orElseThrow(() -> problem("method", word, "trust, reject, scram-sha-256, md5, cert, peer"));
        if (method == Hba.Method.CERT && type != HbaRule.Type.HOSTSSL) {
            throw problem("method", word, "another: cert authentication is only supported on hostssl connections");
        }
        if (method == Hba.Method.PEER && type != HbaRule.Type.LOCAL) {
            throw problem("method", word, "another: peer authentication is only supported on local sockets");
        }
        return method;
    }

    private static Hba.ClientCert options(List<List<HbaToken>> fields, HbaRule.Type type, Hba.Method method) {
        Optional<Hba.ClientCert> clientCert = Optional.empty();
        for (HbaToken token : fields.stream().flatMap(List::stream).toList()) {
            switch (token.text()) {
                case "clientcert=verify-ca" -> clientCert = Optional.of(Hba.ClientCert.VERIFY_CA);
                case "clientcert=verify-full" -> clientCert = Optional.of(Hba.ClientCert.VERIFY_FULL);
                // The default, and all that there is.
                case "clientname=CN" -> {}
                default -> throw problem("option", token.text(), "clientcert=verify-ca, clientcert=verify-full, clientname=CN"
                        + (token.text().startsWith("map=") ? ": user name maps are not supported" : ""));
            }
        }
        if (clientCert.isPresent() && type != HbaRule.Type.HOSTSSL) {
            throw problem("option", "clientcert", "it in hostssl rules only");
        }
        if (method == Hba.Method.CERT && clientCert.orElse(Hba.ClientCert.VERIFY_FULL) != Hba.ClientCert.VERIFY_FULL) {
            throw problem("option", "clientcert=verify-ca", "clientcert=verify-full or nothing with method cert");
        }
        return clientCert.orElse(method == Hba.Method.CERT ? Hba.ClientCert.VERIFY_FULL : Hba.ClientCert.NONE);
    }
}
