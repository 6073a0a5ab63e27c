package io.walrelay.proxy.why;

/**
 * Where the relay is reached, for commands to paste.
 *
 * @param conninfo its PostgreSQL port as standbys reach it, in libpq's form, without a user
 * @param url its HTTP port; a word in its place when that is not known
 */
public record Addresses(String conninfo, String url) {}
