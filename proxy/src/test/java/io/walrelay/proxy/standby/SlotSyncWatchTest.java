package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.proxy.slotsync.SlotQuestion;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** However a session's bytes come, the question is found and nothing else is touched. */
final class SlotSyncWatchTest {

    private static final String ASKED =
            "SELECT pg_is_in_recovery(), count(*) = 1 FROM pg_catalog.pg_replication_slots WHERE slot_type='physical' AND slot_name='s'";

    private static final String OTHER = "SELECT pg_is_in_recovery(), something";

    private final List<String> asked = new ArrayList<>();
    private final SlotSyncWatch watch = new SlotSyncWatch(question -> {
        asked.add(question.slot());
        return OTHER;
    });

    private static byte[] bytes(FrontendMessage... messages) {
        ByteBuf out = Unpooled.buffer();
        for (FrontendMessage message : messages) {
            FrontendEncoder.encode(message, out);
        }
        return ByteBufUtil.getBytes(out);
    }

    private static FrontendMessage query(String text) {
        return new FrontendMessage.Query(text);
    }

    private static FrontendMessage copyData(String text) {
        return new FrontendMessage.CopyData(Unpooled.copiedBuffer(text, StandardCharsets.UTF_8));
    }

    private byte[] pass(byte[] came) {
        ByteBuf passed = watch.pass(Unpooled.copiedBuffer(came));
        byte[] got = ByteBufUtil.getBytes(passed);
        passed.release();
        return got;
    }

    @Test
    void theQuestionIsAskedOtherwise() {
        assertArrayEquals(bytes(query(OTHER)), pass(bytes(query(ASKED))));
        assertEquals(List.of("s"), asked);
    }

    @Test
    void wherever() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        byte[] there = bytes(
                query("SELECT 1"),
                query(ASKED),
                query("Q".repeat(400)),
                query(ASKED.replace("'s'", "'S'")),
                copyData(ASKED),
                query(ASKED),
                query(ASKED),
                query(""),
                new FrontendMessage.Terminate());
        byte[] expected = bytes(
                query("SELECT 1"),
                query(OTHER),
                query("Q".repeat(400)),
                query(ASKED.replace("'s'", "'S'")),
                copyData(ASKED),
                query(OTHER),
                query(OTHER),
                query(""),
                new FrontendMessage.Terminate());
        for (int round = 0; round < 2_000; round++) {
            SlotSyncWatch each = new SlotSyncWatch(_ -> OTHER);
            ByteBuf got = Unpooled.buffer();
            int most = 1 + random.nextInt(there.length);
            for (int at = 0; at < there.length; ) {
                int next = Math.min(there.length, at + 1 + random.nextInt(most));
                ByteBuf passed = each.pass(Unpooled.copiedBuffer(there, at, next - at));
                got.writeBytes(passed);
                passed.release();
                at = next;
            }
            assertArrayEquals(expected, ByteBufUtil.getBytes(got), () -> "-Dwalrelay.seed=" + seed);
            assertEquals(0, each.end().readableBytes());
        }
    }

    @Test
    void whatNeverEndsIsSentOnAtTheEnd() {
        byte[] cut = new byte[40];
        System.arraycopy(bytes(query(ASKED)), 0, cut, 0, cut.length);
        assertEquals(0, pass(cut).length);
        assertArrayEquals(cut, ByteBufUtil.getBytes(watch.end()));
        assertEquals(0, watch.end().readableBytes());
    }

    /** A long query is not kept back, whatever it begins with. */
    @Test
    void onlyWhatMayBeTheQuestionWaits() {
        byte[] whole = bytes(query(ASKED + " ".repeat(100)));
        byte[] most = new byte[whole.length - 1];
        System.arraycopy(whole, 0, most, 0, most.length);
        assertArrayEquals(most, pass(most));
        assertArrayEquals(new byte[] {0}, pass(new byte[] {0}));
        assertArrayEquals(bytes(query(OTHER)), pass(bytes(query(ASKED))));
    }

    @Test
    void aQueryWithoutItsZeroIsUpstreamsToRefuse() {
        byte[] bad = bytes(query(ASKED));
        bad[bad.length - 1] = 'x';
        assertArrayEquals(bad, pass(bad));
        assertEquals(List.of(), asked);
    }

    @Test
    void whatIsNoMessagePassesAndEverythingAfterIt() {
        byte[] noise = {'Q', 0, 0, 0, 3, 'Q'};
        assertArrayEquals(noise, pass(noise));
        assertArrayEquals(bytes(query(ASKED)), pass(bytes(query(ASKED))));
        byte[] negative = {'Q', -1, -1, -1, -1};
        SlotSyncWatch another = new SlotSyncWatch(_ -> OTHER);
        assertArrayEquals(negative, ByteBufUtil.getBytes(another.pass(Unpooled.copiedBuffer(negative))));
    }
}
