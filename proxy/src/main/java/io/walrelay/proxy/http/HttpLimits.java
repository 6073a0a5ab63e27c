package io.walrelay.proxy.http;

import java.time.Duration;

/**
 * What one client, and all of them, may cost.
 *
 * @param connections at once; more are closed as they come
 * @param eventStreams of those, how many may follow events
 * @param lineBytes of the request line
 * @param headerBytes of all header fields
 * @param bodyBytes of a request's body
 * @param patience how long a client may take to send a request, to take an answer, or to shake hands
 * @param idle how long a connection may be without a request
 */
public record HttpLimits(
        int connections, int eventStreams, int lineBytes, int headerBytes, int bodyBytes, Duration patience, Duration idle) {

    public static final HttpLimits DEFAULT =
            new HttpLimits(512, 256, 4_096, 16_384, 16_384, Duration.ofSeconds(10), Duration.ofSeconds(60));
}
