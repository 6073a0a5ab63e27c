package io.walrelay.proxy.containers;

import com.github.dockerjava.api.model.ContainerNetwork;
import java.util.List;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.wait.strategy.AbstractWaitStrategy;
import org.testcontainers.utility.DockerImageName;

/**
 * A container with a place in several networks, by its name, from its start on. On Docker's default network this machine reaches its port; nobody has a
 * name there, so the others do not.
 */
final class NodeContainer extends GenericContainer<NodeContainer> {

    private final String name;
    private final List<Network> networks;

    NodeContainer(DockerImageName image, String name, int port, List<Network> networks) {
        super(image);
        this.name = name;
        this.networks = List.copyOf(networks);
        withLabels(Docker.labels());
        withExposedPorts(port);
        withImagePullPolicy(any -> false);
        // Whoever starts it knows what to wait for; this looks for a port with programs that the relay's image does not have.
        setWaitStrategy(new AbstractWaitStrategy() {
            @Override
            protected void waitUntilReady() {}
        });
    }

    @Override
    protected void containerIsCreated(String containerId) {
        networks.forEach(this::connect);
    }

    void connect(Network network) {
        getDockerClient()
                .connectToNetworkCmd()
                .withContainerId(getContainerId())
                .withNetworkId(network.getId())
                .withContainerNetwork(new ContainerNetwork().withAliases(name))
                .exec();
    }

    void disconnect(Network network) {
        getDockerClient().disconnectFromNetworkCmd().withContainerId(getContainerId()).withNetworkId(network.getId()).withForce(true).exec();
    }
}
