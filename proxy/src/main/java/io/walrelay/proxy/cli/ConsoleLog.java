package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.LogSettings;
import java.io.PrintStream;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.helpers.NOPMDCAdapter;
import org.slf4j.helpers.Reporter;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * The log of {@code walrelay rewind} where nothing is said of a log: of level info and above, on standard error among its other lines. Logback, which writes
 * what {@link LogSettings} ask for, takes an eighth of the start of a command for itself.
 *
 * <p>SLF4J makes it when it is named by {@link LoggerFactory#PROVIDER_PROPERTY_KEY}, before anybody has a logger. Thread-safe.
 */
public final class ConsoleLog implements SLF4JServiceProvider {

    /** By which Logback's users name a configuration of their own. */
    private static final String LOGBACK_FILE = "logback.configurationFile";

    private final Map<String, Logger> loggers = new ConcurrentHashMap<>();
    private final IMarkerFactory markers = new BasicMarkerFactory();
    private final MDCAdapter context = new NOPMDCAdapter();

    /** Has SLF4J use it in this process, unless somebody asks for another log. */
    static void useUnlessAsked() {
        Properties properties = System.getProperties();
        boolean asked = LogSettings.areGiven(properties, System.getenv())
                || properties.containsKey(LoggerFactory.PROVIDER_PROPERTY_KEY)
                || properties.containsKey(LOGBACK_FILE);
        if (!asked) {
            System.setProperty(LoggerFactory.PROVIDER_PROPERTY_KEY, ConsoleLog.class.getName());
            // It would say that it does.
            System.setProperty(Reporter.SLF4J_INTERNAL_VERBOSITY_KEY, "WARN");
        }
    }

    @Override
    public ILoggerFactory getLoggerFactory() {
        return name -> loggers.computeIfAbsent(name, _ -> new Lines(name, System.err));
    }

    @Override
    public IMarkerFactory getMarkerFactory() {
        return markers;
    }

    @Override
    public MDCAdapter getMDCAdapter() {
        return context;
    }

    @Override
    public String getRequestedApiVersion() {
        return "2.0";
    }

    @Override
    public void initialize() {
        // All is there.
    }

    /** One line for what is logged. */
    static final class Lines extends LegacyAbstractLogger {

        private static final long serialVersionUID = 1;

        private final transient PrintStream err;

        /** @param name Netty has no use for a logger without one */
        Lines(String name, PrintStream err) {
            this.name = name;
            this.err = err;
        }

        @Override
        protected void handleNormalizedLoggingCall(
                Level level, @Nullable Marker marker, @Nullable String pattern, Object @Nullable [] arguments, @Nullable Throwable thrown) {
            StringBuilder line = new StringBuilder("%slog: %s %s: ".formatted(RewindConsole.PROGRAM, level, name.substring(name.lastIndexOf('.') + 1)));
            line.append(MessageFormatter.basicArrayFormat(pattern, arguments));
            for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
                line.append(": ").append(cause);
            }
            err.println(line);
        }

        @Override
        public boolean isTraceEnabled() {
            return false;
        }

        @Override
        public boolean isDebugEnabled() {
            return false;
        }

        @Override
        public boolean isInfoEnabled() {
            return true;
        }

        @Override
        public boolean isWarnEnabled() {
            return true;
        }

        @Override
        public boolean isErrorEnabled() {
            return true;
        }

        @Override
        protected @Nullable String getFullyQualifiedCallerName() {
            return null;
        }
    }
}
