package io.walrelay.proxy.conninfo;

/** Which kind of host the relay may stream from: libpq's target_session_attrs. A standby is a host in recovery. */
public enum TargetSessionAttrs {
    /** A primary; a standby when the connection string names nothing else. */
    ANY("any"),
    /** A primary, and nothing else. */
    PRIMARY("primary"),
    /** The same as {@link #PRIMARY}: a server that is not in recovery takes writes, whatever its sessions default to. */
    READ_WRITE("read-write"),
    /** A standby, and nothing else. */
    STANDBY("standby"),
    /** The same as {@link #STANDBY}. */
    READ_ONLY("read-only"),
    /** A standby; a primary when no standby can be used. */
    PREFER_STANDBY("prefer-standby");

    private final String word;

    TargetSessionAttrs(String word) {
        this.word = word;
    }

    @Override
    public String toString() {
        return word;
    }
}
