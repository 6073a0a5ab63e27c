package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.random.RandomGenerator;

/** Attacks a PostgreSQL port: each attack is one connection, made of what {@code random} says and nothing else. Confined to one thread. */
final class HostileClient {

    /** What an attack does. */
    enum Attack {
        GARBAGE,
        OVERSIZED_STARTUP,
        OVERSIZED_MESSAGE,
        GARBAGE_AFTER_STARTUP,
        BROKEN_TLS,
        DIRECT_TLS_GARBAGE,
        FLIPPED_BITS,
        BAD_COMMANDS,
        BAD_REPLIES,
        LEFT_HALF_WAY
    }

    private static final int READ_TIMEOUT_MILLIS = 20;

    private final int port;
    private final RandomGenerator random;

    HostileClient(int port, RandomGenerator random) {
        this.port = port;
        this.random = random;
    }

    /** Makes one attack. That the relay hangs up meanwhile is what it should do. */
    Attack attack() throws IOException {
        Attack attack = Attack.values()[random.nextInt(Attack.values().length)];
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(READ_TIMEOUT_MILLIS);
            try {
                perform(attack, socket);
                drain(socket);
            } catch (SocketException hungUp) {
                return attack;
            }
        }
        return attack;
    }

    private void perform(Attack attack, Socket socket) throws IOException {
        OutputStream out = socket.getOutputStream();
        switch (attack) {
            case GARBAGE -> out.write(garbage(4096));
            case OVERSIZED_STARTUP -> out.write(startupHeader(random.nextInt() | 0x40000000));
            case OVERSIZED_MESSAGE -> {
                login(socket);
                out.write(message((byte) random.nextInt(), random.nextInt(), garbage(64)));
            }
            case GARBAGE_AFTER_STARTUP -> {
                login(socket);
                out.write(garbage(4096));
            }
            case BROKEN_TLS -> {
                out.write(new byte[] {0, 0, 0, 8, 4, (byte) 210, 22, 47});
                drain(socket);
                out.write(garbage(2048));
            }
            case DIRECT_TLS_GARBAGE -> {
                out.write(0x16);
                out.write(garbage(2048));
            }
            case FLIPPED_BITS -> {
                byte[] session = concat(startup(), query("IDENTIFY_SYSTEM"), query("START_REPLICATION 0/1000000"), message((byte) 'd', 38, new byte[34]));
                for (int flips = random.nextInt(8); flips >= 0; flips--) {
                    session[random.nextInt(session.length)] ^= (byte) (1 << random.nextInt(8));
                }
                out.write(session);
            }
            case BAD_COMMANDS -> {
                login(socket);
                for (int i = random.nextInt(20); i >= 0; i--) {
                    out.write(query(words()));
                }
            }
            case BAD_REPLIES -> {
                login(socket);
                out.write(query("START_REPLICATION 0/1000000"));
                for (int i = random.nextInt(20); i >= 0; i--) {
                    byte[] body = garbage(64);
                    out.write(message((byte) 'd', body.length + 4, body));
                }
            }
            case LEFT_HALF_WAY -> {
                byte[] session = concat(startup(), query("IDENTIFY_SYSTEM"), query("START_REPLICATION 0/1000000"));
                out.write(session, 0, random.nextInt(session.length));
            }
        }
        out.flush();
    }

    /** One that says the beginning of a startup packet and stays. */
    Socket halfOpen() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        byte[] startup = startup();
        socket.getOutputStream().write(startup, 0, random.nextInt(startup.length));
        return socket;
    }

    private void login(Socket socket) throws IOException {
        socket.getOutputStream().write(startup());
        drain(socket);
    }

    private static void drain(Socket socket) throws IOException {
        byte[] some = new byte[16 << 10];
        try {
            for (int reads = 0; reads < 4 && socket.getInputStream().read(some) >= 0; reads++) {}
        } catch (SocketTimeoutException silent) {
            return;
        }
    }

    private byte[] garbage(int atMost) {
        byte[] bytes = new byte[1 + random.nextInt(atMost)];
        random.nextBytes(bytes);
        return bytes;
    }

    private String words() {
        String[] words = {"START_REPLICATION", "SLOT", "\"", "'", "0/0", "F/FFFFFFFF", "TIMELINE", "(", ")", "4294967296", "SHOW", "\\", ";", "--", "DROP_REPLICATION_SLOT", "x", "é", "PHYSICAL", ","};
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(12); i >= 0; i--) {
            text.append(words[random.nextInt(words.length)]).append(' ');
        }
        return text.toString();
    }

    private static byte[] startup() {
        return encoded(new FrontendMessage.StartupMessage(
                ProtocolVersion.V3_0, new LinkedHashMap<>(Map.of("user", "hostile", "replication", "true"))));
    }

    private static byte[] query(String text) {
        return encoded(new FrontendMessage.Query(text));
    }

    private static byte[] encoded(FrontendMessage message) {
        ByteBuf out = Unpooled.buffer();
        FrontendEncoder.encode(message, out);
        byte[] bytes = new byte[out.readableBytes()];
        out.readBytes(bytes);
        return bytes;
    }

    private static byte[] startupHeader(int length) {
        return Unpooled.buffer(8).writeInt(length).writeInt(3 << 16).array();
    }

    private static byte[] message(byte type, int length, byte[] body) {
        return Unpooled.buffer(5 + body.length).writeByte(type).writeInt(length).writeBytes(body).array();
    }

    private static byte[] concat(byte[]... parts) {
        ByteBuf all = Unpooled.buffer();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        byte[] bytes = new byte[all.readableBytes()];
        all.readBytes(bytes);
        return bytes;
    }
}
