package io.walrelay.proxy.containers;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.exception.NotFoundException;
import java.util.Map;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.utility.DockerImageName;

/** The Docker that these tests run in. Nothing is pulled, and nothing is skipped: what is missing is an error that says who brings it. */
final class Docker {

    private static final String BRINGS_IT = "; .ci/containers brings Docker and the images, and runs these tests";

    private Docker() {}

    static DockerClient client() {
        if (!DockerClientFactory.instance().isDockerAvailable()) {
            throw new AssertionError("no Docker answers (DOCKER_HOST, or /var/run/docker.sock)" + BRINGS_IT);
        }
        return DockerClientFactory.instance().client();
    }

    /** An image that is there. */
    static DockerImageName image(String name) {
        try {
            client().inspectImageCmd(name).exec();
            return DockerImageName.parse(name);
        } catch (NotFoundException e) {
            throw new AssertionError("Docker has no image " + name + BRINGS_IT, e);
        }
    }

    /** What all that is made here is known by, so that .ci/containers can take away what a killed run has left. */
    static Map<String, String> labels() {
        return Map.of("io.walrelay.test", System.getProperty("walrelay.test.run", "by hand"));
    }
}
