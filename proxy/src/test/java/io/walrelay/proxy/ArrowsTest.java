package io.walrelay.proxy;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.walrelay.proxy.cli.Main;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.channels.NetworkChannel;
import org.junit.jupiter.api.Test;

/**
 * Who may know whom. A new arrow is an edit here, which a reviewer sees.
 *
 * <pre>
 *   cli ─▶ relay ─▶ { upstream, standby, peers ─▶ http ─▶ metrics } ─▶ state ─▶ feedback ─▶ cache ─▶ protocol, wal
 *          upstream, standby ─▶ forward;  standby ─▶ console ─▶ state;  all of them ─▶ config, auth    rewind ─▶ wal
 *          standby, http, metrics, state ─▶ shaping ─▶ config, cache;  standby, http ─▶ tls ─▶ config
 *          cli, relay, upstream, auth ─▶ servers ─▶ conninfo
 * </pre>
 */
final class ArrowsTest {

    /** Fixtures of other modules come in jars of their own. */
    private static final ImportOption NO_FIXTURES = location -> !location.contains("-tests.jar");

    static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(NO_FIXTURES)
            .importPackages("io.walrelay");

    private static final String[] TRANSPORT = {"io.netty.channel..", "io.netty.bootstrap..", "io.netty.handler..", "java.net.."};

    @Test
    void theLogsVocabularyKnowsNothingButBuffers() {
        noClasses().that().resideInAPackage("io.walrelay.wal..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.protocol..", "io.walrelay.cache..", "io.walrelay.rewind..", "io.walrelay.proxy..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.wal..").should().dependOnClassesThat(resideInAnyPackage(TRANSPORT)).check(CLASSES);
    }

    @Test
    void theProtocolDoesNoInputOrOutput() {
        noClasses().that().resideInAPackage("io.walrelay.protocol..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.cache..", "io.walrelay.rewind..", "io.walrelay.proxy..", "java.nio.file..", "java.nio.channels..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.protocol..").should().dependOnClassesThat(resideInAnyPackage(TRANSPORT)).check(CLASSES);
    }

    @Test
    void theCacheKnowsNeitherTheNetworkNorThoseAboveIt() {
        noClasses().that().resideInAPackage("io.walrelay.cache..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.rewind..", "io.walrelay.proxy..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.cache..").should().dependOnClassesThat(
                resideInAnyPackage(TRANSPORT).and(not(belongToAnyOf(URI.class, URLDecoder.class)))).check(CLASSES);
    }

    @Test
    void theRewindKnowsNoCacheAndNoNetworkButTheDrivers() {
        noClasses().that().resideInAPackage("io.walrelay.rewind..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.cache..", "io.walrelay.proxy..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.rewind..").should().dependOnClassesThat(resideInAnyPackage(TRANSPORT)).check(CLASSES);
    }

    @Test
    void onlyTheProxyConnectsListensAndSpeaksHttp() {
        noClasses().that().resideOutsideOfPackage("io.walrelay.proxy..").should().dependOnClassesThat(
                resideInAnyPackage(TRANSPORT).and(not(belongToAnyOf(URI.class, URLDecoder.class)))).check(CLASSES);
        noClasses().that().resideOutsideOfPackage("io.walrelay.proxy..").should().dependOnClassesThat(resideInAnyPackage(
                        "java.nio.channels.spi..", "javax.net..", "com.sun.net..")).check(CLASSES);
        noClasses().that().resideOutsideOfPackage("io.walrelay.proxy..").should().dependOnClassesThat(assignableTo(NetworkChannel.class)).check(CLASSES);
    }

    @Test
    void onlyTheCommandLineHasAMain() {
        methods().that().haveName("main").and().areStatic().should().beDeclaredIn(Main.class).check(CLASSES);
    }

    @Test
    void onlyTheStorageDriverAndTheArchiveTouchFilesInTheCache() {
        noClasses().that().resideInAPackage("io.walrelay.cache..").and().resideOutsideOfPackages("io.walrelay.cache.storage", "io.walrelay.cache.archive")
                .should().dependOnClassesThat().haveFullyQualifiedName("java.nio.file.Files").check(CLASSES);
    }

    @Test
    void theSidesOfTheRelayMeetOnlyInItsState() {
        noClasses().that().resideInAPackage("io.walrelay.proxy.state..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.proxy.upstream..", "io.walrelay.proxy.standby..", "io.walrelay.proxy.http..",
                        "io.walrelay.proxy.metrics..", "io.walrelay.proxy.peers..", "io.walrelay.proxy.relay..", "io.walrelay.proxy.cli..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.proxy.feedback..").should().dependOnClassesThat(
                resideInAPackage("io.walrelay.proxy..").and(not(resideInAPackage("io.walrelay.proxy.feedback..")))).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.proxy.shaping..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.proxy.upstream..", "io.walrelay.proxy.standby..", "io.walrelay.proxy.http..", "io.walrelay.proxy.state..",
                        "io.walrelay.proxy.metrics..", "io.walrelay.proxy.peers..", "io.walrelay.proxy.relay..", "io.walrelay.proxy.cli..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.proxy.forward..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.proxy.upstream..", "io.walrelay.proxy.standby..", "io.walrelay.proxy.http..",
                        "io.walrelay.proxy.metrics..", "io.walrelay.proxy.peers..", "io.walrelay.proxy.relay..", "io.walrelay.proxy.cli..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.proxy.acknowledge..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.proxy.state..", "io.walrelay.proxy.upstream..", "io.walrelay.proxy.standby..", "io.walrelay.proxy.http..",
                        "io.walrelay.proxy.metrics..", "io.walrelay.proxy.peers..", "io.walrelay.proxy.relay..", "io.walrelay.proxy.cli..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.proxy.upstream..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.proxy.standby..", "io.walrelay.proxy.http..", "io.walrelay.proxy.metrics..",
                        "io.walrelay.proxy.peers..", "io.walrelay.proxy.relay..", "io.walrelay.proxy.cli..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.proxy.standby..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.proxy.upstream..", "io.walrelay.proxy.http..", "io.walrelay.proxy.metrics..",
                        "io.walrelay.proxy.relay..", "io.walrelay.proxy.cli..")).check(CLASSES);
        noClasses().that().resideInAnyPackage("io.walrelay.proxy.http..", "io.walrelay.proxy.metrics..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.proxy.upstream..", "io.walrelay.proxy.standby..", "io.walrelay.proxy.peers..", "io.walrelay.proxy.relay..", "io.walrelay.proxy.cli..")).check(CLASSES);
    }

    @Test
    void theConsoleKnowsItsRelayOnlyByItsStateAndItsSqlKnowsNone() {
        noClasses().that().resideInAPackage("io.walrelay.proxy.console..").should().dependOnClassesThat(resideInAnyPackage(
                        "io.walrelay.proxy.upstream..", "io.walrelay.proxy.standby..", "io.walrelay.proxy.http..", "io.walrelay.proxy.forward..",
                        "io.walrelay.proxy.metrics..", "io.walrelay.proxy.relay..", "io.walrelay.proxy.cli..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.proxy.console.sql..").should().dependOnClassesThat(
                resideInAnyPackage("io.walrelay.cache..", "io.walrelay.proxy.state..", "io.walrelay.proxy.console", "io.walrelay.proxy.auth..")).check(CLASSES);
        noClasses().that().resideInAPackage("io.walrelay.proxy.console..").should().dependOnClassesThat(
                resideInAnyPackage("io.netty.channel..", "java.nio.file..", "java.nio.channels..", "java.lang.reflect..")).check(CLASSES);
    }

    @Test
    void onlyTheCommandLineAndTheDemoStartARelay() {
        classes().that().resideInAPackage("io.walrelay.proxy.relay..").should().onlyHaveDependentClassesThat(
                resideInAnyPackage("io.walrelay.proxy.relay..", "io.walrelay.proxy.cli..", "io.walrelay.proxy.demo..")).check(CLASSES);
    }

    @Test
    void noArrowsRunInCircles() {
        slices().matching("io.walrelay.proxy.(*)..").should().beFreeOfCycles().check(CLASSES);
        slices().matching("io.walrelay.protocol.(*)..").should().beFreeOfCycles().check(CLASSES);
        slices().matching("io.walrelay.(*)..").should().beFreeOfCycles().check(CLASSES);
    }
}
