package io.walrelay.proxy.upstream;

import io.walrelay.proxy.state.Events;

/**
 * What keeps the relay from doing what it wants, told when it is news: the hosts are asked again and again, and mostly answer the same.
 * Confined to the control thread.
 */
final class Hindrance {

    private final Events events;
    private String told = "";

    Hindrance(Events events) {
        this.events = events;
    }

    /** A warning, unless the last one said the same. Positions move on: that is not another reason. */
    void tell(String kind, String why) {
        String reason = why.replaceAll("\\b[0-9A-F]+/[0-9A-F]+\\b", "");
        if (!reason.equals(told)) {
            told = reason;
            events.warning(kind, why);
        }
    }

    /** It is over: the same, should it come back, is news. */
    void over() {
        told = "";
    }
}
