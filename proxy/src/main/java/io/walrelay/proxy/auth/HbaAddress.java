package io.walrelay.proxy.auth;

import io.walrelay.proxy.auth.ConnectionFacts.InterfaceAddress;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/** Which client addresses a rule is for. An address of one family never matches a range of the other. */
sealed interface HbaAddress {

    Pattern IPV4 = Pattern.compile("(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})(?:\\.(?!$)|$)){4}");

    boolean matches(InetAddress client, Supplier<List<InterfaceAddress>> local);

    record All() implements HbaAddress {
        @Override
        public boolean matches(InetAddress client, Supplier<List<InterfaceAddress>> local) {
            return true;
        }
    }

    record SameHost() implements HbaAddress {
        @Override
        public boolean matches(InetAddress client, Supplier<List<InterfaceAddress>> local) {
            return local.get().stream().anyMatch(i -> i.address().equals(client));
        }
    }

    record SameNet() implements HbaAddress {
        @Override
        public boolean matches(InetAddress client, Supplier<List<InterfaceAddress>> local) {
            return local.get().stream().anyMatch(i -> Range.of(i.address(), i.prefix()).matches(client, local));
        }
    }

    /** The mask need not be a prefix: PostgreSQL takes any. */
    record Range(InetAddress network, InetAddress mask) implements HbaAddress {

        static Range of(InetAddress network, int prefix) {
            byte[] mask = new byte[network.getAddress().length];
            for (int bit = 0; bit < prefix; bit++) {
                mask[bit / 8] |= (byte) (0x80 >> (bit % 8));
            }
            return new Range(network, address(mask));
        }

        @Override
        public boolean matches(InetAddress client, Supplier<List<InterfaceAddress>> local) {
            byte[] a = client.getAddress();
            byte[] b = network.getAddress();
            byte[] m = mask.getAddress();
            if (a.length != b.length || b.length != m.length) {
                return false;
            }
            for (int i = 0; i < a.length; i++) {
                if (((a[i] ^ b[i]) & m[i]) != 0) {
                    return false;
                }
            }
            return true;
        }
    }

    private static InetAddress address(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("an address of %d bytes".formatted(bytes.length), e);
        }
    }

    static boolean isLiteral(String text) {
        return IPV4.matcher(text).matches() || (text.indexOf(':') >= 0 && text.matches("[0-9A-Fa-f:.]+"));
    }

    /**
     * Reads a numeric address; nothing is ever looked up.
     *
     * @throws IllegalArgumentException if it is none
     */
    static InetAddress literal(String text) {
        if (!isLiteral(text)) {
            throw new IllegalArgumentException("not an IP address");
        }
        return InetAddress.ofLiteral(text);
    }
}
