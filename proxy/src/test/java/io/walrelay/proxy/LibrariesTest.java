package io.walrelay.proxy;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What each module uses that is not ours. A new library, or a new part of the JDK where that is listed, is an edit here, which a
 * reviewer sees.
 */
final class LibrariesTest {

    private static final List<String> BUFFERS = List.of("io.netty.buffer..", "io.netty.util..");
    private static final List<String> LOG = List.of("org.slf4j..");
    private static final List<String> ANNOTATIONS = List.of("org.jspecify.annotations");

    private static final List<String> CACHE =
            List.of("io.walrelay.cache..", "io.walrelay.wal..", "io.walrelay.protocol..", "com.github.benmanes.caffeine..", "java..");

    /** For the PostgreSQL that the demo brings. */
    private static final List<String> UNPACKING = List.of("org.apache.commons.compress..", "org.tukaani.xz..");

    /** What computes: nothing of it opens a file or a socket or starts a thread. Of java.io and java.lang see below. */
    private static final List<String> COMPUTING = List.of(
            "java.lang",
            "java.lang.invoke",
            "java.lang.runtime",
            "java.nio",
            "java.nio.charset",
            "java.security..",
            "java.time",
            "java.util",
            "java.util.function",
            "java.util.regex",
            "java.util.stream",
            "java.util.zip",
            "javax.crypto..");

    /** Thrown and passed on, where the bytes come from somebody else. */
    private static final List<String> EXCEPTIONS = List.of("java.io.IOException", "java.io.UncheckedIOException");

    private static final List<String> ACTING =
            List.of("java.lang.Thread", "java.lang.ThreadLocal", "java.lang.Process", "java.lang.ProcessBuilder", "java.lang.Runtime", "java.util.Timer");

    @Test
    void theProtocolComputesAndDoesNothingElse() {
        classes()
                .that()
                .resideInAnyPackage("io.walrelay.wal..", "io.walrelay.protocol..")
                .should()
                .onlyDependOnClassesThat(in(List.of("io.walrelay.wal..", "io.walrelay.protocol..", "com.ongres.scram.."), BUFFERS, ANNOTATIONS, COMPUTING)
                        .or(named(EXCEPTIONS)))
                .check(ArrowsTest.CLASSES);
        noClasses()
                .that()
                .resideInAnyPackage("io.walrelay.wal..", "io.walrelay.protocol..")
                .should()
                .dependOnClassesThat(named(ACTING))
                .check(ArrowsTest.CLASSES);
    }

    @Test
    void theCacheUsesBuffersACacheAndALog() {
        classes()
                .that()
                .resideInAPackage("io.walrelay.cache..")
                .and()
                .resideOutsideOfPackage("io.walrelay.cache.archive..")
                .should()
                .onlyDependOnClassesThat(in(CACHE, BUFFERS, LOG, ANNOTATIONS))
                .check(ArrowsTest.CLASSES);
    }

    @Test
    void theArchiveUsesAStoreCompressionAndEncryptionAsWell() {
        allow(
                "io.walrelay.cache.archive..",
                in(
                        CACHE,
                        List.of("software.amazon.awssdk..", "com.google.crypto.tink.subtle..", "com.github.luben.zstd..", "net.jpountz.lz4.."),
                        BUFFERS,
                        LOG,
                        ANNOTATIONS));
    }

    @Test
    void theRewindUsesTheDriverAndALog() {
        allow(
                "io.walrelay.rewind..",
                in(List.of("io.walrelay.rewind..", "io.walrelay.wal..", "io.walrelay.protocol..", "org.postgresql..", "java.."), BUFFERS, LOG, ANNOTATIONS));
    }

    @Test
    void theProxyUsesWhatAProcessNeeds() {
        allow(
                "io.walrelay.proxy..",
                in(
                        List.of(
                                "io.walrelay..",
                                "io.netty..",
                                "org.postgresql..",
                                "io.micrometer..",
                                "io.prometheus.metrics.model..",
                                "picocli",
                                "tools.jackson..",
                                "ch.qos.logback..",
                                "java..",
                                "javax..",
                                "com.sun.management"),
                        LOG,
                        ANNOTATIONS,
                        UNPACKING));
    }

    @Test
    void onlyTheDemoUnpacksArchives() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.walrelay.proxy.demo..")
                .should()
                .dependOnClassesThat(resideInAnyPackage(UNPACKING.toArray(String[]::new)))
                .check(ArrowsTest.CLASSES);
    }

    private static void allow(String module, DescribedPredicate<JavaClass> allowed) {
        classes().that().resideInAPackage(module).should().onlyDependOnClassesThat(allowed).check(ArrowsTest.CLASSES);
    }

    @SafeVarargs
    private static DescribedPredicate<JavaClass> in(List<String>... packages) {
        List<String> all = new ArrayList<>();
        for (List<String> some : packages) {
            all.addAll(some);
        }
        DescribedPredicate<JavaClass> inPackages = resideInAnyPackage(all.toArray(String[]::new));
        // An array is what its elements are; primitive types belong to nobody.
        return describe("reside in " + String.join(", ", all), type -> {
            JavaClass element = type.getBaseComponentType();
            return element.isPrimitive() || inPackages.test(element);
        });
    }

    private static DescribedPredicate<JavaClass> named(List<String> names) {
        return describe("are " + names, type -> names.contains(type.getBaseComponentType().getName()));
    }
}
