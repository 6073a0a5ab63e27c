package io.walrelay.proxy.acknowledge;

/**
 * What is known of one member.
 *
 * @param connected whether it streams, has caught up once, and reports what it flushes: what makes a walsender's standby one that may be
 *     synchronous (syncrep.c, SyncRepGetCandidateStandbys)
 * @param confirmed what it said last, as far as that lies on the lineage that is followed
 */
public record Standing(String name, boolean connected, Positions confirmed) {}
