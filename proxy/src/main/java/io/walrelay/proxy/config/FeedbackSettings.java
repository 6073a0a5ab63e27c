package io.walrelay.proxy.config;

/**
 * How much standbys may hold back on the primary.
 *
 * @param maxXminAge transactions that a reported xmin may be behind upstream's next one
 * @param capCatalog whether that goes for catalog_xmin as well
 */
public record FeedbackSettings(int maxXminAge, boolean capCatalog) {}
