package io.walrelay.proxy.config;

/** The values of {@code listen.forward-as}: who a client's session is upstream. */
public enum ForwardAs {
    /** The client's own user, by the key that its SCRAM proof reveals. */
    CLIENT,
    /** The relay's role, whoever the client is. */
    OWN
}
