package io.walrelay.proxy.conninfo;

import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Turns keywords and values into a {@link Conninfo}, and gathers every problem on the way. Used once. */
final class ConninfoReader {

    /** Milliseconds of it are still an int. */
    private static final int LONGEST_TIMEOUT_SECONDS = 1_000_000;

    private final Map<ConninfoKeyword, String> values = new EnumMap<>(ConninfoKeyword.class);
    private final Map<String, String> environment;
    private final boolean sockets;
    private final List<String> problems = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    /** @param sockets whether a host may be a directory of Unix-domain sockets */
    ConninfoReader(Map<String, String> given, Map<String, String> environment, boolean sockets) {
        this.environment = environment;
        this.sockets = sockets;
        given.forEach((keyword, value) -> ConninfoKeyword.find(keyword)
                .ifPresentOrElse(known -> accept(known, value), () -> problems.add("invalid connection option \"%s\"".formatted(keyword))));
        for (ConninfoKeyword keyword : ConninfoKeyword.values()) {
            String value = environment.get(keyword.environment());
            // An empty value in the string still hides the environment's, as in libpq.
            if (value != null && !keyword.environment().isEmpty() && !values.containsKey(keyword)) {
                accept(keyword, value);
            }
        }
    }

    private void accept(ConninfoKeyword keyword, String value) {
        values.put(keyword, value);
        if (value.isEmpty()) {
            return;
        }
        switch (keyword.use()) {
            case HONOURED -> {}
            case IGNORED -> notes.add("%s has no effect: %s".formatted(keyword.keyword(), keyword.reason()));
            case REFUSED -> problems.add("connection option \"%s\" is not supported: %s".formatted(keyword.keyword(), keyword.reason()));
        }
    }

    Conninfo read() {
        List<HostAddress> hosts = hosts();
        Optional<String> user = text(ConninfoKeyword.USER);
        if (user.isEmpty()) {
            problems.add("user is missing; expected user=ROLE or PGUSER");
        }
        checkGssEncMode();
        checkEncoding();
        ProtocolVersion minProtocol = protocol(ConninfoKeyword.MIN_PROTOCOL_VERSION);
        ProtocolVersion maxProtocol = maxProtocol(minProtocol);
        TlsSettings tls = tls();
        Optional<Path> home = Optional.ofNullable(environment.get("HOME")).filter(h -> !h.isEmpty()).map(Path::of);
        RequireAuth requireAuth = text(ConninfoKeyword.REQUIRE_AUTH).map(v -> RequireAuth.parse(v, problems)).orElse(RequireAuth.ANY);
        Optional<Duration> connectTimeout = connectTimeout();
        KeepAlive keepAlive = keepAlive();
        TargetSessionAttrs attrs = word(ConninfoKeyword.TARGET_SESSION_ATTRS, TargetSessionAttrs.values(), TargetSessionAttrs.ANY);
        checkLoadBalancing();
        if (!problems.isEmpty()) {
            throw new InvalidConninfoException(problems);
        }
        return new Conninfo(
                hosts,
                user.orElseThrow(),
                text(ConninfoKeyword.PASSWORD).map(Secret::utf8),
                path(ConninfoKeyword.PASSFILE).or(() -> home.map(h -> h.resolve(".pgpass"))),
                text(ConninfoKeyword.DBNAME),
                text(ConninfoKeyword.APPLICATION_NAME).or(() -> text(ConninfoKeyword.FALLBACK_APPLICATION_NAME)),
                text(ConninfoKeyword.OPTIONS),
                connectTimeout,
                keepAlive,
                tls,
                requireAuth,
                attrs,
                minProtocol,
                maxProtocol,
                home.map(h -> h.resolve(".postgresql")),
                notes);
    }

    private Optional<String> text(ConninfoKeyword keyword) {
        return Optional.ofNullable(values.get(keyword)).filter(v -> !v.isEmpty());
    }

    private Optional<Path> path(ConninfoKeyword keyword) {
        return text(keyword).map(Path::of);
    }

    private List<HostAddress> hosts() {
        return new HostList(elements(ConninfoKeyword.HOST), elements(ConninfoKeyword.HOSTADDR), elements(ConninfoKeyword.PORT), sockets, problems).read();
    }

    private List<String> elements(ConninfoKeyword keyword) {
        return text(keyword).map(v -> List.of(v.split(",", -1))).orElse(List.of());
    }

    private <E extends Enum<E>> E word(ConninfoKeyword keyword, E[] words, E fallback) {
        return oneOf(keyword, words).orElse(fallback);
    }

    private <E extends Enum<E>> Optional<E> oneOf(ConninfoKeyword keyword, E[] words) {
        Optional<String> text = text(keyword);
        Optional<E> found = text.flatMap(t -> Arrays.stream(words).filter(w -> w.toString().equals(t)).findFirst());
        if (text.isPresent() && found.isEmpty()) {
            problems.add(invalid(keyword, text.get(), Arrays.stream(words).map(Object::toString).collect(Collectors.joining(", "))));
        }
        return found;
    }

    private static String invalid(ConninfoKeyword keyword, String value, String expected) {
        return "invalid %s value: \"%s\"; expected %s".formatted(keyword.keyword(), value, expected);
    }

    private void checkLoadBalancing() {
        text(ConninfoKeyword.LOAD_BALANCE_HOSTS).ifPresent(value -> {
            switch (value) {
                case "disable" -> {}
                case "random" -> notes.add("load_balance_hosts=random has no effect: timelines decide which host is followed, not the order of the hosts");
                default -> problems.add(invalid(ConninfoKeyword.LOAD_BALANCE_HOSTS, value, "disable, random"));
            }
        });
    }

    private Optional<Integer> integer(ConninfoKeyword keyword) {
        return text(keyword).flatMap(value -> {
            try {
                return Optional.of(Integer.parseInt(value.strip()));
            } catch (NumberFormatException e) {
                problems.add("invalid integer value \"%s\" for connection option \"%s\"".formatted(value, keyword.keyword()));
                return Optional.empty();
            }
        });
    }

    private Optional<Duration> connectTimeout() {
        // libpq has always taken 1 as 2: rounding of whole seconds would make 1 fail at once.
        return integer(ConninfoKeyword.CONNECT_TIMEOUT).filter(s -> s > 0).map(s -> Duration.ofSeconds(Math.clamp(s, 2, LONGEST_TIMEOUT_SECONDS)));
    }

    private KeepAlive keepAlive() {
        return new KeepAlive(
                integer(ConninfoKeyword.KEEPALIVES).orElse(1) != 0,
                integer(ConninfoKeyword.KEEPALIVES_IDLE).filter(n -> n > 0).map(Duration::ofSeconds),
                integer(ConninfoKeyword.KEEPALIVES_INTERVAL).filter(n -> n > 0).map(Duration::ofSeconds),
                integer(ConninfoKeyword.KEEPALIVES_COUNT).filter(n -> n > 0),
                integer(ConninfoKeyword.TCP_USER_TIMEOUT).filter(n -> n > 0).map(Duration::ofMillis));
    }

    private TlsSettings tls() {
        TlsSettings.RootCert root = text(ConninfoKeyword.SSLROOTCERT)
                .<TlsSettings.RootCert>map(v -> v.equals("system") ? new TlsSettings.RootCert.SystemStore() : new TlsSettings.RootCert.File(Path.of(v)))
                .orElse(new TlsSettings.RootCert.Default());
        boolean system = root instanceof TlsSettings.RootCert.SystemStore;
        TlsSettings.Mode mode =
                word(ConninfoKeyword.SSLMODE, TlsSettings.Mode.values(), system ? TlsSettings.Mode.VERIFY_FULL : TlsSettings.Mode.PREFER);
        if (system && mode != TlsSettings.Mode.VERIFY_FULL) {
            problems.add("weak sslmode \"%s\" may not be used with sslrootcert=system (use \"verify-full\")".formatted(mode));
        }
        TlsSettings.Negotiation negotiation =
                word(ConninfoKeyword.SSLNEGOTIATION, TlsSettings.Negotiation.values(), TlsSettings.Negotiation.POSTGRES);
        if (negotiation == TlsSettings.Negotiation.DIRECT && mode.compareTo(TlsSettings.Mode.REQUIRE) < 0) {
            problems.add("weak sslmode \"%s\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")".formatted(mode));
        }
        TlsSettings.ChannelBinding binding =
                word(ConninfoKeyword.CHANNEL_BINDING, TlsSettings.ChannelBinding.values(), TlsSettings.ChannelBinding.PREFER);
        if (binding == TlsSettings.ChannelBinding.REQUIRE && mode == TlsSettings.Mode.DISABLE) {
            problems.add("channel_binding=require with sslmode=disable; channel binding needs TLS");
        }
        TlsSettings.Version min = tlsVersion(ConninfoKeyword.SSL_MIN_PROTOCOL_VERSION).orElse(TlsSettings.Version.TLS_1_2);
        Optional<TlsSettings.Version> max = tlsVersion(ConninfoKeyword.SSL_MAX_PROTOCOL_VERSION);
        if (max.isPresent() && max.get().compareTo(min) < 0) {
            problems.add("invalid SSL protocol version range: ssl_min_protocol_version is %s, ssl_max_protocol_version is %s".formatted(min, max.get()));
        }
        return new TlsSettings(
                mode,
                negotiation,
                root,
                path(ConninfoKeyword.SSLCERT),
                path(ConninfoKeyword.SSLKEY),
                text(ConninfoKeyword.SSLPASSWORD).map(Secret::utf8),
                path(ConninfoKeyword.SSLCRL),
                text(ConninfoKeyword.SSLSNI).map(this::isOn).orElse(true),
                binding,
                min,
                max);
    }

    private Optional<TlsSettings.Version> tlsVersion(ConninfoKeyword keyword) {
        String text = text(keyword).orElse("");
        if (keyword == ConninfoKeyword.SSL_MIN_PROTOCOL_VERSION && (text.equalsIgnoreCase("TLSv1") || text.equalsIgnoreCase("TLSv1.1"))) {
            notes.add("%s=%s has the effect of TLSv1.2, the oldest version that the relay has".formatted(keyword.keyword(), text));
            return Optional.of(TlsSettings.Version.TLS_1_2);
        }
        for (TlsSettings.Version version : TlsSettings.Version.values()) {
            if (text.equalsIgnoreCase(version.toString())) {
                return Optional.of(version);
            }
        }
        return oneOf(keyword, TlsSettings.Version.values());
    }

    private boolean isOn(String value) {
        if (!value.equals("0") && !value.equals("1")) {
            problems.add(invalid(ConninfoKeyword.SSLSNI, value, "0, 1"));
        }
        return value.equals("1");
    }

    private void checkGssEncMode() {
        text(ConninfoKeyword.GSSENCMODE).ifPresent(mode -> {
            switch (mode) {
                case "disable", "prefer" -> {}
                case "require" -> problems.add("gssencmode=require: GSSAPI encryption is not supported; expected disable or prefer");
                default -> problems.add(invalid(ConninfoKeyword.GSSENCMODE, mode, "disable, prefer"));
            }
        });
    }

    private void checkEncoding() {
        text(ConninfoKeyword.CLIENT_ENCODING).ifPresent(encoding -> {
            String plain = encoding.toUpperCase(Locale.ROOT).replace("-", "").replace("_", "");
            if (!plain.equals("UTF8") && !plain.equals("UNICODE")) {
                notes.add("client_encoding=%s has no effect: the relay's own sessions use UTF8".formatted(encoding));
            }
        });
    }

    private ProtocolVersion protocol(ConninfoKeyword keyword) {
        return text(keyword).map(value -> switch (value) {
            case "3.0" -> ProtocolVersion.V3_0;
            case "3.2", "latest" -> ProtocolVersion.V3_2;
            default -> {
                // 3.1 was never made; libpq refuses it as well.
                problems.add(invalid(keyword, value, "3.0, 3.2, latest"));
                yield ProtocolVersion.V3_0;
            }
        }).orElse(ProtocolVersion.V3_0);
    }

    /** With a minimum given and no maximum, the minimum is what is asked for. */
    private ProtocolVersion maxProtocol(ProtocolVersion min) {
        if (text(ConninfoKeyword.MAX_PROTOCOL_VERSION).isEmpty()) {
            return min;
        }
        ProtocolVersion max = protocol(ConninfoKeyword.MAX_PROTOCOL_VERSION);
        if (min.compareTo(max) > 0) {
            problems.add("min_protocol_version %s is greater than max_protocol_version %s".formatted(min, max));
        }
        return max;
    }
}
