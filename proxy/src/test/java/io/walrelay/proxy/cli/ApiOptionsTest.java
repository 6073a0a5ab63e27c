package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.http.HttpLimits;
import io.walrelay.proxy.http.HttpServer;
import io.walrelay.proxy.metrics.RelayMetrics;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.proxy.testkit.TakenOrders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** How commands get into a relay on another host. */
final class ApiOptionsTest {

    @TempDir
    private Path directory;

    private HttpServer serve(KnownRelay relay, Optional<TlsSettings> tls, List<HttpSettings.Token> tokens) throws IOException {
        var metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, KnownRelay.NO_PACING);
        var settings = new HttpSettings(new HostPort("127.0.0.1", 0), tls, tokens, false);
        return HttpServer.start(settings, HttpLimits.DEFAULT, relay.state(), KnownRelay.PROCESS, metrics, TakenOrders.IGNORED, _ -> CompletableFuture.completedFuture(false));
    }

    private static CommandRun slots(HttpServer server, String scheme, Object... options) {
        List<String> line = new ArrayList<>(List.of("slot", "list", "--format", "json", "--relay", "%s://127.0.0.1:%d".formatted(scheme, server.address().getPort())));
        Stream.of(options).map(Object::toString).forEach(line::add);
        return CommandRun.of(line.toArray(String[]::new));
    }

    private static void assertRefused(CommandRun run, String part) {
        assertTrue(run.status() != 0 && run.err().contains(part), run::toString);
    }

    @Test
    void aClientCertificateIsEnoughWhereTheRelayAsksForOne() throws Exception {
        Certificates signed = Certificates.in(directory);
        Certificates.Pair own = signed.issue("relay");
        Certificates.Pair client = signed.issue("operator");
        Path ca = signed.authority();
        try (KnownRelay relay = KnownRelay.empty();
                HttpServer server = serve(relay, Optional.of(new TlsSettings(own.certificate(), own.key(), Optional.of(ca))), List.of())) {
            for (String name : List.of("--ca-file", "--ca")) {
                CommandRun let = slots(server, "https", name, ca, "--cert", client.certificate(), "--key", client.key());
                assertEquals(0, let.status(), let::toString);
            }
            assertRefused(slots(server, "https", "--ca-file", ca), "HTTP 403");
            assertRefused(slots(server, "https", "--ca-file", ca), "a client certificate with --cert and --key");
            assertRefused(slots(server, "https", "--cert", client.certificate(), "--key", client.key()), "expected a certificate that Java or --ca-file trusts");
            assertRefused(slots(server, "https", "--ca-file", ca, "--cert", client.certificate()), "--cert and --key go together");
            assertRefused(slots(server, "https", "--ca-file", client.key()), "could not use --ca-file " + client.key());
        }
    }

    @Test
    void aTokenComesFromAFileOrTheCommandLine() throws Exception {
        Path file = Files.writeString(directory.resolve("token"), "look\nanything\n");
        Path wrong = Files.writeString(directory.resolve("wrong"), "guess\n");
        try (KnownRelay relay = KnownRelay.empty();
                HttpServer server = serve(relay, Optional.empty(), List.of(new HttpSettings.Token(Secret.utf8("look"), true)))) {
            assertEquals(0, slots(server, "http", "--token-file", file).status());
            assertEquals(0, slots(server, "http", "--token", "look").status());
            assertEquals(0, slots(server, "http", "--token", "look", "--token-file", wrong).status());
            assertRefused(slots(server, "http", "--token-file", wrong), "HTTP 401");
            assertRefused(slots(server, "http", "--token-file", Files.writeString(directory.resolve("empty"), "\n")), "no token in " + directory.resolve("empty"));
            assertRefused(slots(server, "http"), "a token is given with --token-file or WALRELAY_TOKEN");
        }
    }

    /** One word for one thing: what is learnt of a command holds for the next. */
    @Test
    void allThatUseTheHttpPortHaveTheSameOptions() {
        Map<String, CommandLine> commands = Main.commandLine().getSubcommands();
        List<String> asking = List.of("status", "why", "follow", "reload", "restore", "push", "rewind");
        Map<String, List<String>> lacking = asking.stream().collect(Collectors.toMap(name -> name, name -> Stream.of("--relay", "--token-file", "--ca-file", "--cert", "--key")
                .filter(option -> !Objects.requireNonNull(commands.get(name)).getCommandSpec().optionsMap().containsKey(option))
                .toList()));
        assertTrue(lacking.values().stream().allMatch(List::isEmpty), lacking::toString);
    }
}
