package io.walrelay.proxy.relay;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Storage;
import io.walrelay.protocol.handshake.MockVerifiers;
import io.walrelay.protocol.message.Secret;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file {@code mock-nonce} in the data directory: what the salts of users that do not exist are made of. PostgreSQL keeps its
 * own in pg_control (mock_authentication_nonce), so that a restart does not tell who exists.
 */
final class MockNonce {

    private static final Logger log = LoggerFactory.getLogger(MockNonce.class);

    private static final String PATH = "mock-nonce";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALNONCE", 1);

    private MockNonce() {}

    /** What the file says; a new one when there is none, or it is damaged: nothing else depends on it. */
    static MockVerifiers load(Storage storage) throws IOException {
        DurableFiles files = new DurableFiles(storage);
        try {
            Optional<byte[]> kept = files.read(PATH, FORMAT).filter(nonce -> nonce.length == MockVerifiers.NONCE_LENGTH);
            if (kept.isPresent()) {
                return MockVerifiers.of(Secret.of(kept.get()));
            }
        } catch (DurableFiles.DamagedFileException e) {
            log.warn("made anew: {}", e.getMessage());
        }
        MockVerifiers made = MockVerifiers.random(new SecureRandom());
        files.write(PATH, FORMAT, made.nonce().bytes());
        return made;
    }
}
