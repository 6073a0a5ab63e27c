package io.walrelay.proxy.cli;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Signals of the operating system. The only way to them is {@code sun.misc.Signal}, which the compiler warns of, so it is looked up by name. */
final class Signals {

    private static final Logger log = LoggerFactory.getLogger(Signals.class);

    private Signals() {}

    /** Runs {@code action} on a thread of the JVM's whenever the process gets {@code SIG}{@code name}; where there is no such signal, never. */
    @SuppressWarnings("ReferenceEquality") // what equals is for a proxy that is nobody else
    static void on(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            InvocationHandler run = (proxy, method, arguments) -> switch (method.getName()) {
                case "handle" -> {
                    action.run();
                    yield null;
                }
                // Of Object, which nobody calls.
                default -> throw new IllegalStateException(method + " of what is done on SIG" + name);
            };
            Object handling = Proxy.newProxyInstance(Signals.class.getClassLoader(), new Class<?>[] {handler}, run);
            signal.getMethod("handle", signal, handler).invoke(null, signal.getConstructor(String.class).newInstance(name), handling);
        } catch (ReflectiveOperationException e) {
            log.warn("SIG{} does nothing here: {}", name, e.toString());
        }
    }
}
