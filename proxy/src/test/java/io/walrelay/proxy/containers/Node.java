package io.walrelay.proxy.containers;

import com.github.dockerjava.api.DockerClient;
import io.walrelay.proxy.demo.Await;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.testcontainers.containers.Container;
import org.testcontainers.containers.Network;

/**
 * One place of the picture: a name and a volume, which stay, and a container, which may be lost and replaced by a new one, as Kubernetes does it.
 * Confined to the test that made it.
 */
sealed class Node implements AutoCloseable permits PostgresNode, RelayNode {

    /** Characters. */
    private static final int LOG_TAIL = 8_000;

    private final String name;
    private final int port;
    private final String volume;
    private final Function<String, NodeContainer> make;
    private @Nullable NodeContainer container;

    /** @param make a container that is not started, with the volume of the given name */
    Node(String name, int port, Function<String, NodeContainer> make) {
        this.name = name;
        this.port = port;
        this.make = make;
        this.volume = Docker.client().createVolumeCmd().withLabels(Docker.labels()).exec().getName();
    }

    String name() {
        return name;
    }

    /** Starts a container on the volume; what was in it before the last one was lost is in it still. */
    void start() {
        container = make.apply(volume);
        container.start();
    }

    /** SIGKILL, and the container is gone. The volume stays. */
    void lose() {
        docker().killContainerCmd(id()).exec();
        remove();
    }

    /** As docker stop: SIGTERM, and SIGKILL when {@code patience} has passed. The container is gone then; its exit status is returned. */
    long stop(Duration patience) {
        docker().stopContainerCmd(id()).withTimeout(Math.toIntExact(patience.toSeconds())).exec();
        long status = Optional.ofNullable(docker().inspectContainerCmd(id()).exec().getState().getExitCodeLong()).orElseThrow();
        remove();
        return status;
    }

    /** Freezes all its processes: it keeps its connections and answers nobody. */
    void pause() {
        docker().pauseContainerCmd(id()).exec();
    }

    void goOn() {
        docker().unpauseContainerCmd(id()).exec();
    }

    void leave(Network network) {
        running().disconnect(network);
    }

    void join(Network network) {
        running().connect(network);
    }

    /** What a shell in it prints. */
    String shell(String command) {
        try {
            Container.ExecResult result = running().execInContainer("sh", "-c", command);
            return result.getStdout() + result.getStderr();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError("could not run %s in %s".formatted(command, name), e);
        }
    }

    /** Where this machine reaches it: HOST:PORT. */
    String address() {
        return running().getHost() + ":" + running().getMappedPort(port);
    }

    private String logTail() {
        String log = running().getLogs();
        return log.substring(Math.max(0, log.length() - LOG_TAIL));
    }

    /** Waits, and fails with the end of the log; at once when it has ended. */
    <T> T await(String what, Duration limit, Await.Probe<T> probe, Predicate<? super T> accepted) {
        try {
            return Await.until(
                    "%s: %s".formatted(name, what),
                    limit,
                    () -> {
                        if (!running().isRunning()) {
                            throw new AssertionError("%s has ended, while it was waited for: %s; the end of its log:%n%s".formatted(name, what, logTail()));
                        }
                        return probe.read();
                    },
                    accepted);
        } catch (Await.TimedOut e) {
            throw new AssertionError("%s; the end of its log:%n%s".formatted(e.getMessage(), logTail()), e);
        }
    }

    private NodeContainer running() {
        if (container == null) {
            throw new IllegalStateException(name + " has no container");
        }
        return container;
    }

    private String id() {
        return running().getContainerId();
    }

    private static DockerClient docker() {
        return Docker.client();
    }

    private void remove() {
        if (container != null) {
            container.stop();
            container = null;
        }
    }

    @Override
    public void close() {
        remove();
        docker().removeVolumeCmd(volume).exec();
    }
}
