package io.walrelay.protocol.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.walrelay.protocol.codec.FrontendDecoder.Phase;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.replication.FromServer;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.protocol.replication.FromStandbyCodec;
import java.util.Random;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/**
 * Random bytes, half of them with a plausible frame, end in messages, in waiting or in a ProtocolViolation, never in
 * anything else and never in a lost reference. A failure names the seed; {@code -Dwalrelay.seed=N} replays it, and
 * {@code -Dwalrelay.fuzz.rounds=N} goes on for longer.
 */
class RandomBytesTest {

    private static final String SESSION_TYPES = "QXdcfSHPBEDCF";
    private static final String BACKEND_TYPES = "RvKSZENTDCIWdcAGHV123nst";

    /** Without leak detection, whose stack traces would take most of the time: every round counts references itself. */
    private static final ByteBufAllocator ALLOCATOR = new UnpooledByteBufAllocator(true, true);

    private final long seed = Long.getLong("walrelay.seed", System.nanoTime());
    private final int rounds = Integer.getInteger("walrelay.fuzz.rounds", 50_000);
    private final Random random = new Random(seed);

    @Test
    void theDecodersSurviveRandomBytes() {
        for (int round = 0; round < rounds; round++) {
            ByteBuf in = input();
            try {
                switch (round % 4) {
                    case 0 -> frontend(Phase.OPENING, in);
                    case 1 -> frontend(Phase.AUTHENTICATION, in);
                    case 2 -> frontend(Phase.SESSION, in);
                    default -> backend(in);
                }
                assertEquals(1, in.refCnt());
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("-Dwalrelay.seed=%d round %d".formatted(seed, round), e);
            } finally {
                in.release();
            }
        }
    }

    private ByteBuf input() {
        ByteBuf in = random.nextBoolean() ? ALLOCATOR.heapBuffer() : ALLOCATOR.directBuffer();
        int messages = 1 + random.nextInt(3);
        for (int i = 0; i < messages; i++) {
            byte[] body = new byte[random.nextInt(64)];
            random.nextBytes(body);
            if (random.nextBoolean()) {
                int zeros = random.nextInt(body.length + 1);
                for (int zero = 0; zero < zeros; zero++) {
                    body[random.nextInt(body.length)] = 0;
                }
            }
            switch (random.nextInt(4)) {
                case 0 -> {}
                case 1 -> in.writeInt(body.length + 8).writeInt(opening());
                case 2 -> in.writeByte(pick(SESSION_TYPES + 'p')).writeInt(body.length + 4);
                default -> in.writeByte(pick(BACKEND_TYPES)).writeInt(body.length + 4 + random.nextInt(2));
            }
            in.writeBytes(body);
        }
        return in;
    }

    private int opening() {
        int[] codes = {0x30000, 0x30002, OpeningCode.CANCEL_REQUEST, OpeningCode.SSL_REQUEST, random.nextInt()};
        return codes[random.nextInt(codes.length)];
    }

    private char pick(String types) {
        return types.charAt(random.nextInt(types.length()));
    }

    private void frontend(Phase phase, ByteBuf in) {
        FrontendDecoder decoder = new FrontendDecoder(FrontendLimits.DEFAULT);
        whileItGoes(in, () -> {
            decoder.expect(phase);
            FrontendMessage message = decoder.decode(in);
            if (message instanceof FrontendMessage.CopyData(var data)) {
                FromStandbyCodec.decode(data);
            } else if (message instanceof FrontendMessage.Extended extended) {
                try {
                    ExtendedQueryCodec.decode(extended);
                } finally {
                    extended.body().release();
                }
            }
            return message != null;
        });
    }

    private void backend(ByteBuf in) {
        BackendDecoder decoder = new BackendDecoder(BackendLimits.DEFAULT);
        whileItGoes(in, () -> {
            BackendMessage message = decoder.decode(in);
            if (message instanceof BackendMessage.CopyData(var data)) {
                if (FromServerCodec.decode(data) instanceof FromServer.XLogData xlog) {
                    xlog.wal().release();
                }
            } else if (message instanceof BackendMessage.Other(_, var body)) {
                body.release();
            }
            return message != null;
        });
    }

    private static void whileItGoes(ByteBuf in, BooleanSupplier step) {
        try {
            int before = in.readerIndex();
            while (step.getAsBoolean()) {
                assertTrue(in.readerIndex() > before, "a message consumes bytes");
                before = in.readerIndex();
            }
        } catch (ProtocolViolation violation) {
            assertTrue(violation.diagnostic().sqlState().matches("08P01|0A000"), violation::getMessage);
        }
    }
}
