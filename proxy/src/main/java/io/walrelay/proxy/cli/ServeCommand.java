package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.Configuration;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.relay.Relay;
import java.io.IOException;
import java.time.Clock;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code walrelay serve}: the relay, until it is told to stop (SIGTERM, SIGINT) or its disk fails. SIGHUP has it read its configuration again. */
@Command(
        name = "serve",
        description = "Run the relay. SIGTERM and SIGINT end it in order: upstream first, standbys when they have everything. SIGHUP reads certificates, access rules and tokens again.",
        exitCodeList = {
            "143:It was told to end by SIGTERM, and has; 130 by SIGINT.",
            "1:It could not begin, or its disk failed: a restart recovers.",
            "2:The command line or the configuration can't be understood."
        },
        footer = {"  walrelay serve --upstream \"host=pg1,pg2 user=walrelay\" --data /var/lib/walrelay", "  walrelay serve -c /etc/walrelay.yaml"})
final class ServeCommand implements Callable<Integer> {

    private static final Logger log = LoggerFactory.getLogger(ServeCommand.class);

    @Mixin
    private final SettingsOptions options = new SettingsOptions();

    @Override
    public Integer call() throws InvalidSettingsException, IOException {
        Configuration configuration = options.configuration();
        CompletableFuture<Integer> ended = new CompletableFuture<>();
        CompletableFuture<Relay> started = new CompletableFuture<>();
        // One that comes too early waits: what it is about may have been read already.
        Signals.on("HUP", () -> {
            var _ = started.thenAccept(ServeCommand::reload);
        });
        try {
            started.complete(Relay.start(configuration, options::configuration, Version.number(), Clock.systemUTC(), () -> endInOrder(started), failure -> {
                // Not retried: what the disk did with the bytes is unknown. A restart recovers what can be proved.
                log.error("the disk failed; ending, so that a restart recovers", failure);
                ended.complete(Main.FAILURE);
            }));
        } finally {
            // Where it could not start nothing is left to close.
            started.cancel(false);
        }
        ServiceManager.tell("READY=1");
        return ended.join();
    }

    /** From now on the end of the process closes the relay, also when it comes in the middle of the rest of its start, which is waited for: it is short. */
    private static void endInOrder(CompletableFuture<Relay> started) {
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("stop").unstarted(() -> {
            ServiceManager.tell("STOPPING=1");
            try {
                Relay relay = started.join();
                log.info("stopping: upstream is left first, standbys when they have all WAL that is held");
                relay.close();
                log.info("the relay has stopped");
            } catch (CancellationException e) {
                log.debug("it could not start, and has ended what it had begun", e);
            }
        }));
    }

    /** Whoever sends a signal gets no answer: what came of it is in the log, by its event. */
    private static void reload(Relay relay) {
        try {
            relay.reload();
        } catch (InvalidSettingsException | IOException e) {
            log.debug("nothing was taken up", e);
        }
    }
}
