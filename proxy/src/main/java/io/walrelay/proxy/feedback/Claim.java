package io.walrelay.proxy.feedback;

import io.walrelay.wal.Xmins;

/** What one holder wants kept. */
public record Claim(Holder holder, Xmins xmins) {}
