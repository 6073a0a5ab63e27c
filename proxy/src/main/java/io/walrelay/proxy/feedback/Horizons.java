package io.walrelay.proxy.feedback;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Xmins;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * What upstream is to keep for all standbys together. A pure function of a snapshot.
 *
 * @param next what upstream gives out next, at least; empty while that is not known
 */
public record Horizons(Optional<FullTransactionId> next, XidHorizon xmin, XidHorizon catalogXmin) {

    /** @param claims where two holders share a name, the older one's counts */
    public static Horizons of(List<Claim> claims, Optional<FullTransactionId> next, FeedbackLimits limits) {
        return new Horizons(
                next,
                XidHorizon.of(byHolder(claims, Xmins::xmin), next, limits.maxXminAge(), true),
                XidHorizon.of(byHolder(claims, Xmins::catalogXmin), next, limits.maxXminAge(), limits.capCatalog()));
    }

    private static Map<Holder, FullTransactionId> byHolder(List<Claim> claims, Function<Xmins, FullTransactionId> kind) {
        Map<Holder, FullTransactionId> held = new TreeMap<>();
        claims.stream()
                .filter(claim -> kind.apply(claim.xmins()).isValid())
                .forEach(claim -> held.merge(claim.holder(), kind.apply(claim.xmins()), (a, b) -> a.isBefore(b) ? a : b));
        return held;
    }

    public Xmins reported() {
        return new Xmins(xmin.reported(), catalogXmin.reported());
    }
}
