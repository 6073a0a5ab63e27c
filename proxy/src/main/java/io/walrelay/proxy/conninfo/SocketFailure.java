package io.walrelay.proxy.conninfo;

import java.util.regex.Pattern;

/** What the operating system says of a socket, without what Netty puts around it: the system call and the number before, the address after it. */
public final class SocketFailure {

    private static final Pattern CALL = Pattern.compile("^\\w+\\(\\.\\.\\) failed(?: with error\\(-?\\d+\\))?: ");
    private static final Pattern ADDRESS = Pattern.compile(": [^ ]*/[^ ]+$");

    private SocketFailure() {}

    /** Whoever prints it names the address. */
    public static String message(Throwable failure) {
        return ADDRESS.matcher(messageWithAddress(failure)).replaceFirst("");
    }

    /** With the address that was tried, of several that a name may have. */
    public static String messageWithAddress(Throwable failure) {
        return CALL.matcher(failure.getMessage() == null ? failure.toString() : failure.getMessage()).replaceFirst("");
    }
}
