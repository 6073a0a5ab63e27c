package io.walrelay.proxy.feedback;

/**
 * How much standbys may hold back.
 *
 * @param maxXminAge transactions that an xmin may be behind upstream's next one; what is older is reported as if it were that old
 * @param capCatalog whether that goes for catalog_xmin as well
 */
public record FeedbackLimits(long maxXminAge, boolean capCatalog) {

    public static final FeedbackLimits DEFAULT = new FeedbackLimits(50_000_000, false);
}
