package io.walrelay.proxy.state;

import java.time.Instant;

/**
 * That somebody who may stream came, asked which server this is, and left. So does a standby that is on a later timeline, or of another cluster: it
 * decides that by itself (walreceiver.c, WalReceiverMain), and says why only in its own log.
 *
 * @param name application_name, or the client's address without port when there is none
 * @param address of the client, without port
 */
public record Visit(Instant at, String name, String user, String address) {}
