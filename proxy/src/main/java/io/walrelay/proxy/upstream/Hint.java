package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import java.util.Optional;

/** What somebody who knows, such as Patroni, says of which host is the primary. */
public sealed interface Hint {

    /** Nobody is asked. */
    record None() implements Hint {}

    /** This one is. */
    record Names(HostAddress host) implements Hint {}

    /** It is not known, and why: as long as that is so, no other host than the one in use is chosen. */
    record Silent(String reason) implements Hint {}

    /** The host that is named, if one is. */
    default Optional<HostAddress> named() {
        return switch (this) {
            case Names(var host) -> Optional.of(host);
            case None(), Silent(_) -> Optional.empty();
        };
    }
}
