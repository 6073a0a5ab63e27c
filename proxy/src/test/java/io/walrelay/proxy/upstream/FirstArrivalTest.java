package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.walrelay.protocol.handshake.ClientAction;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.forward.UpstreamAccess;
import io.walrelay.proxy.forward.UpstreamSession;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class FirstArrivalTest {

    private static final Diagnostic LATE = Diagnostic.fatal("57P03", "no answer within 10 s");

    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final UpstreamSession session = UpstreamSession.of(
            HostAddress.of("pg1", 5432), channel, new ClientAction.Connected(Optional.empty(), Map.of(), ProtocolVersion.V3_0), List.of());
    private final ChannelHandler owner = new ChannelInboundHandlerAdapter();
    private final List<Object> heard = new ArrayList<>();
    private boolean broken;

    private final FirstArrival first = new FirstArrival(new UpstreamAccess.Arrival() {
        @Override
        public ChannelHandler arrived(UpstreamSession arrived) {
            if (broken) {
                throw new IllegalStateException("broken");
            }
            heard.add(arrived);
            return owner;
        }

        @Override
        public void refused(Diagnostic why) {
            heard.add(why);
        }
    });

    @Test
    void aSessionThatStandsIsNotRefusedAfterwards() {
        assertEquals(owner, first.arrived(session));
        first.refused(LATE);
        assertEquals(List.of(session), heard);
        assertTrue(channel.isOpen());
    }

    @Test
    void aSessionThatComesAfterTheRefusalIsClosed() {
        first.refused(LATE);
        first.arrived(session);
        first.refused(LATE);
        assertEquals(List.of(LATE), heard);
        assertFalse(channel.isOpen());
    }

    @Test
    void whoCouldNotTakeTheSessionIsToldSo() {
        broken = true;
        assertThrows(IllegalStateException.class, () -> first.arrived(session));
        first.refused(LATE);
        assertEquals(List.of(LATE), heard);
    }
}
