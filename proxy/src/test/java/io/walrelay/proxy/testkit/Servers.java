package io.walrelay.proxy.testkit;

import io.walrelay.proxy.demo.PostgresBinaries;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The PostgreSQL versions that the integration tests run on. */
public final class Servers {

    /** Where the build puts postgres-13.jar to postgres-18.jar; tests run in the module's directory. */
    private static final Path JARS = Path.of("target", "postgres");

    private Servers() {}

    /** Every major version that the relay supports, for {@code @MethodSource}. */
    public static Stream<Integer> versions() {
        return IntStream.rangeClosed(13, 18).boxed();
    }

    /** The server programs (initdb and postgres) of a major version. */
    public static PostgresBinaries version(int major) {
        Path jar = JARS.resolve("postgres-%d.jar".formatted(major)).toAbsolutePath();
        if (!Files.isRegularFile(jar)) {
            throw new AssertionError(
                    "%s is missing; \"mvn verify\" puts it there, and so does: mvn dependency:copy@postgres-servers -pl proxy".formatted(jar));
        }
        return PostgresBinaries.ofJar(jar);
    }
}
