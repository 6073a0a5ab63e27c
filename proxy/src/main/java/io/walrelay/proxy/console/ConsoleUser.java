package io.walrelay.proxy.console;

/**
 * Who has a session.
 *
 * @param managesSlots whether the slot functions may be called: whoever might use a slot by a replication connection may
 * @param pid of the session, which its temporary slots go with
 */
public record ConsoleUser(String name, boolean managesSlots, int pid) {

    /** The one database that there is. */
    public static final String DATABASE = "walrelay";
}
